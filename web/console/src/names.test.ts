import { beforeEach, expect, it } from 'vitest'
import { Client } from './api/client'
import type { Me, Share } from './api/model'
import { learnNames } from './names'
import { session } from './session'

let asked: string[] = []
let answer: (signal: AbortSignal) => Promise<Response>

const links = ['a', 'b', 'a'].map((file_id) => ({ file_id }) as Share)
const never = new AbortController().signal
const says = (status: number, body: object = {}) => () => Promise.resolve(new Response(JSON.stringify(body), { status }))

beforeEach(() => {
  asked = []
  const send: typeof fetch = (input, init) => {
    asked.push((input as string).replace('/api/v1/files/', ''))
    return answer(init?.signal ?? never)
  }
  session.value = { client: new Client('k', send, () => Promise.resolve()), me: {} as Me }
})

it('asks for each name once', async () => {
  const names = new Map<string, string>()
  answer = says(200, { name: 'x.txt' })
  await learnNames(links, names, never)
  await learnNames(links, names, never)
  expect(asked).toEqual(['a', 'b'])
  expect(names.get('b')).toBe('x.txt')
})

it('asks again for what nobody waited for', async () => {
  const names = new Map<string, string>()
  const left = new AbortController()
  answer = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const first = learnNames(links, names, left.signal)
  left.abort()
  await first
  expect(names.size).toBe(0)
  answer = says(200, { name: 'x.txt' })
  await learnNames(links, names, never)
  expect(names.get('a')).toBe('x.txt')
})

it.each([429, 502])('asks again after %d', async (status) => {
  const names = new Map<string, string>()
  answer = says(status)
  await learnNames(links, names, never)
  expect(names.size).toBe(0)
})

it.each([
  [404, 'A deleted file'],
  [403, 'A file'],
])('remembers %d', async (status, name) => {
  const names = new Map<string, string>()
  answer = says(status)
  await learnNames(links, names, never)
  expect(names.get('a')).toBe(name)
})
