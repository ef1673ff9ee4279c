import { beforeEach, expect, it, vi } from 'vitest'
import type { Share } from './api/model'
import { mount } from './mount'
import { pollPause, useWatch } from './watch'

vi.mock('./session', () => ({ noticeRefusal: vi.fn() }))

const link = (id: string, download_count: number) => ({ id, download_count, revoked: false, expires_at: null, max_downloads: 5 }) as Share

beforeEach(() => {
  vi.stubGlobal('document', Object.assign(new EventTarget(), { hidden: false }))
  vi.useFakeTimers()
})

it('asks less and less often while nothing happens', () => {
  expect([0, 14, 15, 30, 99].map((unchanged) => pollPause(unchanged, 1))).toEqual([2, 2, 4, 10, 10])
  expect(pollPause(0, 1000)).toBeGreaterThan(10)
  expect(pollPause(99, 1000)).toBeLessThanOrEqual(30)
})

it('asks as long as a counter may move', async () => {
  const reload = vi.fn(() => Promise.resolve())
  const { show } = mount(({ links }: { links: Share[] }) => useWatch(links, reload), { links: [link('a', 5), link('b', 4)] })
  await vi.advanceTimersByTimeAsync(5000)
  expect(reload).toHaveBeenCalledTimes(2)
  show({ links: [link('a', 5), link('b', 5)] }) // both are used up
  await vi.advanceTimersByTimeAsync(60_000)
  expect(reload).toHaveBeenCalledTimes(2)
})

it('asks again soon after one has moved', async () => {
  const reload = vi.fn(() => Promise.resolve())
  const { show } = mount(({ links }: { links: Share[] }) => useWatch(links, reload), { links: [link('a', 0)] })
  for (let times = 0; times < 40; times++) {
    show({ links: [link('a', 0)] })
    await vi.advanceTimersByTimeAsync(100)
  }
  reload.mockClear()
  await vi.advanceTimersByTimeAsync(5000)
  expect(reload).not.toHaveBeenCalled()
  show({ links: [link('a', 1)] })
  await vi.advanceTimersByTimeAsync(2500)
  expect(reload).toHaveBeenCalledTimes(1)
})
