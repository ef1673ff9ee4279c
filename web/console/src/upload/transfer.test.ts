import { expect, it, vi } from 'vitest'
import { Client } from '../api/client'
import { Problem, Unreachable } from '../api/problem'
import type { Part } from './plan'
import type { put } from './put'
import { Transfer } from './transfer'

const listener = { sending: vi.fn(), completing: vi.fn() }
const never = new AbortController().signal

/** An API with one ticket of three parts, and what it was asked. */
function lab(putPart: typeof put, lost: (path: string) => boolean = () => false) {
  const asked: { path: string; key: string | null; body: Record<string, unknown> }[] = []
  const send: typeof fetch = (input, init) => {
    const path = (input as string).replace('/api/v1', '')
    asked.push({ path, key: new Headers(init?.headers).get('Idempotency-Key'), body: JSON.parse(init?.body as string) as Record<string, unknown> })
    if (lost(path)) return Promise.reject(new TypeError('Failed to fetch'))
    const ticket = {
      mode: 'multipart', file_id: 'f', key: 'k', upload_id: 'u', part_size: 4, expires_at: new Date(Date.now() + 60_000).toISOString(),
      part_urls: [1, 2, 3].map((part_number) => ({ part_number, url: `https://store/${part_number}` })),
    } // prettier-ignore
    return Promise.resolve(new Response(JSON.stringify(path === '/uploads/initiate' ? ticket : { id: 'f', scan_status: 'clean' })))
  }
  const client = new Client('k', send, () => Promise.resolve())
  const file = new File(['0123456789'], 'a.txt', { type: 'text/plain' })
  const transfer = new Transfer(client, file, { space: 's', folder: null }, putPart, () => Promise.resolve())
  const paths = () => asked.map((one) => one.path)
  return { transfer, asked, paths }
}

it('sends all parts and lists them in order', async () => {
  const { transfer, asked, paths } = lab((part) => Promise.resolve(`"e${part.number}"`))
  expect(await transfer.run(listener, never)).toMatchObject({ id: 'f' })
  expect(paths()).toEqual(['/uploads/initiate', '/uploads/complete'])
  expect(asked[0]?.body).toMatchObject({ original_name: 'a.txt', content_type: 'text/plain', size: 10, sha256: '84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882' })
  expect(asked[1]?.body).toEqual({ file_id: 'f', key: 'k', upload_id: 'u', parts: [1, 2, 3].map((n) => ({ PartNumber: n, ETag: `"e${n}"` })) })
})

it('tries a part again that the network lost', async () => {
  let losses = 2
  const { transfer } = lab((part) => (part.number === 2 && losses-- > 0 ? Promise.reject(new Unreachable('x')) : Promise.resolve('e')))
  await expect(transfer.run(listener, never)).resolves.toBeDefined()
})

it('goes on after a failure with what has not arrived', async () => {
  const sent: number[] = []
  let offline = true
  const { transfer, paths } = lab((part: Part) => {
    if (part.number === 3 && offline) return Promise.reject(new Unreachable('x'))
    sent.push(part.number)
    return Promise.resolve('e')
  })
  await expect(transfer.run(listener, never)).rejects.toBeInstanceOf(Unreachable)
  offline = false
  await transfer.run(listener, never)
  expect(sent.sort()).toEqual([1, 2, 3])
  expect(paths()).toEqual(['/uploads/initiate', '/uploads/complete'])
})

it.each(['/uploads/initiate', '/uploads/complete'])('asks for %s under one key until it is answered', async (what) => {
  let offline = true
  const { transfer, asked } = lab(
    () => Promise.resolve('e'),
    (path) => offline && path === what,
  )
  await expect(transfer.run(listener, never)).rejects.toBeInstanceOf(Unreachable)
  offline = false
  await transfer.run(listener, never)
  const keys = asked.filter(({ path }) => path === what).map(({ key }) => key)
  expect(keys).toHaveLength(4)
  expect(new Set(keys).size).toBe(1)
  expect(asked.map(({ path }) => path)).not.toContain('/uploads/abort')
})

it('starts over with a ticket that the store refuses', async () => {
  let refuse = true
  const { transfer, paths } = lab(() => (refuse ? Promise.reject(new Problem(403, 'The URL has expired')) : Promise.resolve('e')))
  await expect(transfer.run(listener, never)).rejects.toMatchObject({ status: 403 })
  refuse = false
  await transfer.run(listener, never)
  expect(paths()).toEqual(['/uploads/initiate', '/uploads/abort', '/uploads/initiate', '/uploads/complete'])
})

it('stops the other parts when one fails for good', async () => {
  const stopped: number[] = []
  const { transfer } = lab((part, _file, _tell, signal) =>
    part.number === 1
      ? Promise.reject(new Problem(400, 'no'))
      : new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            stopped.push(part.number)
            reject(new DOMException('x', 'AbortError'))
          })
        }),
  )
  await expect(transfer.run(listener, never)).rejects.toMatchObject({ status: 400 })
  expect(stopped.sort()).toEqual([2, 3])
})

it('tells what failed first, not what came of it', async () => {
  const { transfer } = lab((part, _file, _tell, signal) =>
    part.number === 3
      ? Promise.reject(new Problem(403, 'the cause'))
      : new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(part.number === 1 ? new Problem(400, 'a consequence') : new DOMException('x', 'AbortError')))
        }),
  )
  await expect(transfer.run(listener, never)).rejects.toThrow('the cause')
})

it('tells that it was cancelled', async () => {
  const stop = new AbortController()
  const { transfer } = lab((_part, _file, _tell, signal) => {
    stop.abort()
    return new Promise((_, reject) => {
      if (signal.aborted) reject(new DOMException('cancelled', 'AbortError'))
    })
  })
  await expect(transfer.run(listener, stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
})
