import { expect, it, vi } from 'vitest'
import { useLoad, usePoll } from './load'
import { mount } from './mount'

vi.mock('./session', () => ({ noticeRefusal: vi.fn() }))

interface Asked {
  what: string
  signal: AbortSignal
  answer: (text: string) => void
  fail: (error: Error) => void
}

function lab(version?: number) {
  const asked: Asked[] = []
  const loadOf = (what: string) => (signal: AbortSignal) => new Promise<string>((answer, fail) => asked.push({ what, signal, answer, fail }))
  const [a, b] = [loadOf('a'), loadOf('b')]
  const view = mount(({ load, version }: { load: typeof a; version: number | undefined }) => useLoad(load, version), { load: a, version })
  return { asked, a, b, ...view }
}

/** In steps: after one pause that a busy machine drew out, its end comes before what
 * is to come in it. */
const settled = async () => {
  for (let step = 0; step < 10; step++) await new Promise((resolve) => setTimeout(resolve, 10))
}

it('loads once what is come to, however much was changed before', async () => {
  const { asked, now } = lab(7)
  await settled()
  expect(asked.map(({ what }) => what)).toEqual(['a'])
  asked[0]?.answer('A')
  await settled()
  expect(now()).toMatchObject({ data: 'A', error: null })
})

it('asks again after a change, and shows what it has until then', async () => {
  const { asked, a, show, now } = lab(0)
  await settled()
  asked[0]?.answer('A')
  await settled()
  show({ load: a, version: 1 })
  await settled()
  expect(now()).toMatchObject({ data: 'A' })
  asked[1]?.answer('A1')
  await settled()
  expect(now()).toMatchObject({ data: 'A1' })
  expect(asked).toHaveLength(2)
})

it('shows nothing of what was before, not even a late answer', async () => {
  const { asked, b, show, now } = lab()
  await settled()
  show({ load: b, version: undefined })
  await settled()
  expect(asked[0]?.signal.aborted).toBe(true)
  asked[0]?.answer('A')
  await settled()
  expect(now()).toMatchObject({ data: null })
  asked[1]?.answer('B')
  await settled()
  expect(now()).toMatchObject({ data: 'B' })
})

it('tells a failure, and forgets it with the next answer', async () => {
  const { asked, now } = lab()
  await settled()
  asked[0]?.fail(new Error('no'))
  await settled()
  expect(now()).toMatchObject({ data: null, error: 'no' })
  void now()?.reload()
  asked[1]?.answer('A')
  await settled()
  expect(now()).toMatchObject({ data: 'A', error: null })
})

it('polls while the page is seen, and at once when it is seen again', async () => {
  const page = Object.assign(new EventTarget(), { hidden: false })
  vi.stubGlobal('document', page)
  const see = (seen: boolean) => {
    page.hidden = !seen
    page.dispatchEvent(new Event('visibilitychange'))
  }
  const work = vi.fn(() => Promise.resolve())
  const often: { pause: number | null } = { pause: 0.01 }
  const { show } = mount(({ pause }) => usePoll(work, pause), often)
  await vi.waitFor(() => expect(work.mock.calls.length).toBeGreaterThan(2), 20_000)
  see(false)
  await settled()
  const before = work.mock.calls.length
  await settled()
  expect(work).toHaveBeenCalledTimes(before)
  see(true)
  expect(work).toHaveBeenCalledTimes(before + 1)
  show({ pause: null })
  await settled()
  const last = work.mock.calls.length
  await settled()
  expect(work).toHaveBeenCalledTimes(last)
})
