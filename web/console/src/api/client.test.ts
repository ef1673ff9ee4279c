import { describe, expect, it, vi } from 'vitest'
import { Client, drawId, nextOf, wait } from './client'
import { Problem, Unreachable, isFinal, problemOf } from './problem'

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => () =>
  Promise.resolve(new Response(body === undefined ? null : JSON.stringify(body), { status, headers }))
const offline = () => Promise.reject(new TypeError('Failed to fetch'))

function clientOf(...answers: (() => Promise<Response>)[]) {
  const keys: (string | null)[] = [] // as they were when they were sent
  const send = vi.fn<typeof fetch>((_, init) => {
    keys.push(new Headers(init?.headers).get('Idempotency-Key'))
    return answers.shift()?.() ?? offline()
  })
  const pause = vi.fn<(seconds: number) => Promise<void>>(() => Promise.resolve())
  return { client: new Client('fck_test_x', send, pause), send, pause, keys }
}

describe('a client', () => {
  it('sends the key as a header, and no cookies', async () => {
    const { client, send } = clientOf(answer(200, { a: 1 }))
    expect(await client.get('/me')).toEqual({ a: 1 })
    expect(send.mock.calls[0]?.[0]).toBe('/api/v1/me')
    expect(send.mock.calls[0]?.[1]).toMatchObject({ credentials: 'omit', headers: { 'X-API-Key': 'fck_test_x' } })
  })

  it('changes and deletes whatever is there', async () => {
    const { client, send } = clientOf(answer(200, {}), answer(200, {}), answer(200, {}), answer(201, {}))
    await client.patch('/files/f', { name: 'n' })
    await client.delete('/files/f')
    await client.get('/files/f')
    await client.post('/files/f/restore', {})
    const sent = send.mock.calls.map(([, init]) => new Headers(init?.headers).get('If-Match'))
    expect(sent).toEqual(['*', '*', null, null])
  })

  it('repeats a POST under one Idempotency-Key, and draws another for the next', async () => {
    const { client, keys } = clientOf(offline, answer(503, { detail: 'down' }, { 'Retry-After': '2' }), answer(201, {}), answer(201, {}))
    await client.post('/shares', {})
    await client.post('/shares', {})
    const [first, ...others] = keys
    expect(first).toMatch(/^[0-9a-f]{32}$/)
    expect(others.slice(0, 2)).toEqual([first, first])
    expect(others[2]).toMatch(/^[0-9a-f]{32}$/)
    expect(others[2]).not.toBe(first)
  })

  it('keeps the key for whoever asks again after nobody answered', async () => {
    const { client, keys } = clientOf(offline, offline, offline, answer(503, {}), answer(201, {}), answer(201, {}))
    const ask = () => client.post('/shares', { file_id: 'f' })
    await expect(ask()).rejects.toBeInstanceOf(Unreachable)
    await expect(ask()).rejects.toMatchObject({ status: 503 })
    await ask()
    await ask() // this one is another link
    expect(new Set(keys.slice(0, 5)).size).toBe(1)
    expect(keys[5]).not.toBe(keys[0])
  })

  it('keeps no key for another request, for one at the same time, or after a refusal', async () => {
    const { client, keys } = clientOf(offline, offline, offline, answer(201, {}), answer(422, {}), answer(422, {}), answer(201, {}))
    const ask = (file_id: string) => client.post('/shares', { file_id })
    await expect(ask('f')).rejects.toBeInstanceOf(Unreachable)
    await ask('g')
    const both = await Promise.allSettled([ask('f'), ask('f')])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await ask('f')
    expect(keys[4]).toBe(keys[0]) // the same again
    expect(new Set([keys[0], keys[3], keys[5], keys[6]]).size).toBe(4)
  })

  it('keeps no key for what may have been deleted since', async () => {
    const { client, keys } = clientOf(offline, offline, offline, answer(204, undefined), answer(201, {}))
    await expect(client.post('/shares', {})).rejects.toBeInstanceOf(Unreachable)
    await client.delete('/shares/1')
    await client.post('/shares', {})
    expect(keys[4]).not.toBe(keys[0])
  })

  it('waits for as long as it is told, but not for a minute', async () => {
    const { client, pause } = clientOf(answer(429, {}, { 'Retry-After': '3' }), answer(429, { detail: 'too many' }, { 'Retry-After': '40' }))
    await expect(client.get('/me')).rejects.toMatchObject({ status: 429, message: 'Too many' })
    expect(pause.mock.calls.map(([seconds]) => seconds)).toEqual([3])
  })

  it('takes an answer that breaks off for none', async () => {
    const broken = () => Promise.resolve(new Response(new ReadableStream({ start: (body) => body.error(new TypeError('network error')) })))
    const { client, send } = clientOf(broken, answer(200, { a: 1 }), broken)
    expect(await client.get('/me')).toEqual({ a: 1 })
    await expect(client.delete('/shares/1')).rejects.toBeInstanceOf(Unreachable)
    expect(send).toHaveBeenCalledTimes(3)
  })

  it('does not repeat what may not be repeated', async () => {
    const { client, send } = clientOf(offline, answer(200, {}))
    await expect(client.delete('/shares/1')).rejects.toBeInstanceOf(Unreachable)
    expect(send).toHaveBeenCalledTimes(1)
  })

  it('gives up in the end', async () => {
    const { client, send } = clientOf()
    await expect(client.get('/me')).rejects.toBeInstanceOf(Unreachable)
    expect(send).toHaveBeenCalledTimes(3)
  })

  it('stops when nobody waits any more', async () => {
    const stop = new AbortController()
    const { client, send } = clientOf(() => {
      stop.abort()
      return offline()
    })
    await expect(client.get('/me', stop.signal)).rejects.toThrow()
    expect(send).toHaveBeenCalledTimes(1)
    await expect(wait(60, stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('reads nothing as nothing, and what is no JSON as no reason', async () => {
    const { client } = clientOf(answer(204, undefined), () => Promise.resolve(new Response('<html>', { status: 502 })))
    expect(await client.delete('/webhooks/1')).toBeNull()
    await expect(client.get('/me')).rejects.toMatchObject({ message: 'The server answered 502 without a reason.' })
  })

  it('follows lists only on this API', async () => {
    const { client } = clientOf(answer(200, [1], { Link: '</api/v1/files?cursor=x&limit=1>; rel="next"' }))
    expect(await client.page('/files?limit=1')).toEqual({ items: [1], next: '/files?cursor=x&limit=1' })
    expect([null, '<https://elsewhere/api/v1/files>; rel="next"', '</api/v1/files>; rel="prev"'].map(nextOf)).toEqual([null, null, null])
  })
})

it('draws keys that are not drawn twice', () => expect(new Set(Array.from({ length: 100 }, drawId)).size).toBe(100))

describe('a refusal', () => {
  it('that is a defect says where more is told', () => {
    expect(problemOf(500, { detail: 'internal error' }, 'r-1').message).toBe('Internal error. The server’s log says more about request r-1.')
    expect(problemOf(404, { detail: 'file not found' }, 'r-1').message).toBe('File not found')
  })
  it.each([400, 401, 402, 403, 404, 409, 413, 422])('is final with %d', (status) => expect(isFinal(new Problem(status, ''))).toBe(true))
  it.each([new Problem(408, ''), new Problem(429, ''), new Problem(500, ''), new Problem(503, ''), new Unreachable('x'), new Error('x')])('is not final as %o', (error) =>
    expect(isFinal(error)).toBe(false),
  )

  const quota = (resource: string, limit: number, used: number, requested: number) => ({ detail: 'quota_exceeded', quota: { resource, limit, used, requested } })
  it.each([
    [409, { detail: "file is not shareable yet (scan_status='pending')" }, "File is not shareable yet (scan_status='pending')"],
    [402, quota('bytes', 1000, 900, 300), 'Not enough storage: this needs 300 B, and 100 B are left. Empty the trash to make room.'],
    [402, quota('links', 5, 5, 1), 'All 5 links of this account are in use. Revoke one to make room.'],
    [403, { detail: { error: 'insufficient_scope', required: ['a', 'b'], missing: ['b'] } }, 'This key lacks a right: b.'],
    [403, { detail: { error: 'feature_not_in_plan' } }, 'This account is suspended, or its plan has no API.'],
    [500, null, 'The server answered 500 without a reason.'],
  ])('%d is told in words', (status, body, text) => {
    const problem = problemOf(status, body)
    expect(problem).toBeInstanceOf(Problem)
    expect(problem.message).toBe(text)
  })
})
