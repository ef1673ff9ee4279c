import { describe, expect, it } from 'vitest'
import type { Ticket } from '../api/model'
import { Progress, Rate, plan } from './plan'

const ticket = (parts: number, size: number): Ticket => ({
  mode: 'multipart',
  file_id: 'f',
  key: 'k',
  upload_url: null,
  headers: null,
  upload_id: 'u',
  part_size: size,
  part_urls: Array.from({ length: parts }, (_, i) => ({ part_number: i + 1, url: `https://store/${i + 1}` })),
  expires_at: '2026-01-01T00:00:00Z',
})

describe('the plan of an upload', () => {
  it('is one PUT with the headers that were signed', () => {
    const single: Ticket = { ...ticket(0, 1), mode: 'single', upload_url: 'https://store/x', headers: { 'Content-Type': 'a/b' }, part_size: null, part_urls: null }
    expect(plan(single, 7)).toEqual([{ number: 0, from: 0, to: 7, url: 'https://store/x', headers: { 'Content-Type': 'a/b' } }])
  })

  it.each([
    [1, 5, 1],
    [5, 5, 1],
    [6, 5, 2],
    [10, 5, 2],
    [11, 5, 3],
  ])('covers %d bytes in parts of %d once, in order', (size, partSize, parts) => {
    const all = plan(ticket(parts, partSize), size)
    expect(all.map((part) => part.number)).toEqual(all.map((_, i) => i + 1))
    expect(all[0]?.from).toBe(0)
    expect(all.at(-1)?.to).toBe(size)
    all.forEach((part, i) => {
      expect(part.to).toBeGreaterThan(part.from)
      expect(part.to - part.from).toBeLessThanOrEqual(partSize)
      if (i > 0) expect(part.from).toBe(all[i - 1]?.to)
    })
  })

  it.each([
    [2, 5, 5],
    [1, 5, 6],
    [1, 0, 6],
  ])('is refused where %d parts of %d are not %d bytes', (parts, partSize, size) => expect(() => plan(ticket(parts, partSize), size)).toThrow())
})

it('adds up what the parts sent, also when one starts over', () => {
  const progress = new Progress(10)
  progress.set(1, 5)
  progress.set(2, 4)
  expect(progress.bytes).toBe(9)
  progress.set(2, 0)
  expect(progress.bytes).toBe(5)
  progress.set(2, 99) // headers count for some browsers
  expect(progress.bytes).toBe(10)
})

describe('a rate', () => {
  it('is not guessed from one look', () => {
    const rate = new Rate()
    rate.note(0, 1000)
    expect(rate.perSecond).toBe(0)
  })
  it('forgets what is long ago', () => {
    const rate = new Rate(1000)
    for (const [at, bytes] of [[0, 0], [1000, 100], [2000, 1100], [3000, 2100]] as const) rate.note(at, bytes)
    expect(rate.perSecond).toBe(1000)
  })
  it('starts over with a part', () => {
    const rate = new Rate()
    rate.note(0, 1000)
    rate.note(1000, 2000)
    rate.note(1100, 500)
    expect(rate.perSecond).toBe(0)
  })
})
