import { beforeEach, expect, it, vi } from 'vitest'
import { Client } from '../api/client'
import type { Me, StoredFile } from '../api/model'
import { session, signOut } from '../session'
import { put } from './put'
import { clearEnded, enqueue, uploads } from './queue'

vi.mock('./put', () => ({ put: vi.fn() }))
vi.mock('../api/client', async (original) => {
  const real = await original<typeof import('../api/client')>()
  return { ...real, wait: (_: number, signal?: AbortSignal) => real.wait(0, signal) }
})
vi.stubGlobal('document', { hidden: false })
vi.stubGlobal('sessionStorage', { removeItem: vi.fn() })

const soon = (look: () => void) => vi.waitFor(look, 20_000)
const place = { space: 's', folder: null }
const steps = () => uploads.value.map(({ state }) => state.value.step)
const add = (...names: string[]) => enqueue(names.map((name) => new File(['x'], name)), place)

/** What the API was asked, and what it says of a file. */
let asked: string[] = []
let verdict: () => Response = () => new Response()

beforeEach(() => {
  const file = { id: 'f', scan_status: 'pending' } as StoredFile
  const ticket = { mode: 'single', file_id: 'f', key: 'k', upload_url: 'https://store/', headers: {}, expires_at: '2100-01-01T00:00:00Z' }
  const send: typeof fetch = (input) => {
    const path = (input as string).replace('/api/v1', '')
    asked.push(path)
    if (path === '/files/f') return Promise.resolve(verdict())
    return Promise.resolve(new Response(JSON.stringify(path === '/uploads/initiate' ? ticket : file)))
  }
  asked = []
  uploads.value = []
  verdict = () => new Response(JSON.stringify({ ...file, scan_status: 'clean' }))
  session.value = { client: new Client('k', send, () => Promise.resolve()), me: {} as Me }
  vi.mocked(put).mockReset().mockResolvedValue('e')
})

it('sends two files at once, and the next when one has arrived', async () => {
  const arrive: (() => void)[] = []
  vi.mocked(put).mockImplementation(() => new Promise((resolve) => arrive.push(() => resolve('e'))))
  add('a', 'b', 'c')
  await soon(() => expect(arrive).toHaveLength(2))
  expect(steps()).toEqual(['sending', 'sending', 'waiting'])
  arrive[0]?.()
  await soon(() => expect(arrive).toHaveLength(3))
  arrive.forEach((one) => one())
  await soon(() => expect(steps()).toEqual(['done', 'done', 'done']))
  clearEnded()
  expect(uploads.value).toEqual([])
})

it('sends a file once that was cancelled while it waited, and then retried', async () => {
  const arrive: (() => void)[] = []
  vi.mocked(put).mockImplementation(() => new Promise((resolve) => arrive.push(() => resolve('e'))))
  add('a', 'b', 'c')
  await soon(() => expect(arrive).toHaveLength(2))
  uploads.value[2]?.cancel()
  expect(steps()[2]).toBe('cancelled')
  uploads.value[2]?.retry()
  arrive.forEach((one) => one())
  await soon(() => expect(arrive).toHaveLength(3))
  arrive[2]?.()
  await soon(() => expect(steps()).toEqual(['done', 'done', 'done']))
  expect(asked.filter((path) => path === '/uploads/initiate')).toHaveLength(3)
})

it('goes on asking for the verdict when nobody answers', async () => {
  const answers = [() => new Response('{}', { status: 502 }), () => new Response('{}', { status: 502 }), verdict]
  verdict = () => (answers.shift() ?? (() => new Response('{}', { status: 404 })))()
  add('a')
  await soon(() => expect(steps()).toEqual(['done']))
  expect(answers).toEqual([])
})

it('tells that the file is gone', async () => {
  verdict = () => new Response(JSON.stringify({ detail: 'file not found' }), { status: 404 })
  add('a')
  await soon(() => expect(uploads.value[0]?.state.value).toEqual({ step: 'failed', why: 'File not found' }))
})

it('ends what is under way when the key is forgotten', async () => {
  let sending: AbortSignal | undefined
  vi.mocked(put).mockImplementation((_part, _file, _tell, signal) => {
    sending = signal
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError'))))
  })
  add('a')
  await soon(() => expect(sending).toBeDefined())
  signOut()
  expect(sending?.aborted).toBe(true)
  expect(uploads.value).toEqual([])
  await soon(() => expect(asked).toContain('/uploads/abort')) // the room is given back
})
