import { type Signal, computed, effect, signal } from '@preact/signals'
import { type Client, wait } from '../api/client'
import type { StoredFile } from '../api/model'
import { isFinal, words } from '../api/problem'
import { noteChange } from '../changes'
import { client, noticeRefusal, session } from '../session'
import { Rate } from './plan'
import { type Place, Transfer } from './transfer'

export type State =
  | { step: 'waiting' }
  | { step: 'sending'; sent: number; total: number; rate: number }
  | { step: 'completing' }
  | { step: 'scanning'; file: StoredFile }
  | { step: 'done'; file: StoredFile }
  | { step: 'failed'; why: string }
  | { step: 'cancelled' }

export interface Upload {
  id: number
  name: string
  size: number
  place: Place
  state: Signal<State>
  cancel: () => void
  retry: () => void
}

const filesAtOnce = 2
const tellEvery = 120 // ms between two looks at the progress

/** All uploads of this session, newest last. */
export const uploads = signal<Upload[]>([])

export const underWay = computed(
  () => uploads.value.filter(({ state }) => ['waiting', 'sending', 'completing'].includes(state.value.step)).length,
)

const waiting: (() => Promise<void>)[] = []
let running = 0
let lastId = 0

export function enqueue(files: File[], place: Place): void {
  const added = files.map((file) => begin(file, place))
  uploads.value = [...uploads.value, ...added]
  added.forEach((one) => one.retry())
}

/** Forgets those that have ended. */
export function clearEnded(): void {
  uploads.value = uploads.value.filter(({ state }) => !['done', 'cancelled', 'failed'].includes(state.value.step))
}

// What is under way ends with the session whose key it uses.
effect(() => {
  if (session.value) return
  for (const one of uploads.peek()) one.cancel()
  uploads.value = []
})

function begin(file: File, place: Place): Upload {
  const state = signal<State>({ step: 'waiting' })
  const by = client()
  const transfer = new Transfer(by, file, place)
  let stop = new AbortController()
  const retry = () => {
    if (file.size === 0) {
      state.value = { step: 'failed', why: 'The file is empty; a file needs at least one byte.' }
      return
    }
    const { signal } = (stop = new AbortController()) // its own: a cancelled try may still wait
    state.value = { step: 'waiting' }
    waiting.push(() => drive(transfer, by, state, signal))
    pump()
  }
  const cancel = () => {
    stop.abort()
    state.value = { step: 'cancelled' }
    void transfer.forget()
  }
  return { id: ++lastId, name: file.name, size: file.size, place, state, cancel, retry }
}

function pump(): void {
  while (running < filesAtOnce) {
    const work = waiting.shift()
    if (!work) return
    running++
    void work().finally(() => {
      running--
      pump()
    })
  }
}

async function drive(transfer: Transfer, by: Client, state: Signal<State>, stop: AbortSignal): Promise<void> {
  const stopped = () => stop.aborted
  if (stopped()) return
  const rate = new Rate()
  let told = 0
  const listener = {
    sending: (sent: number, total: number) => {
      const now = performance.now()
      rate.note(now, sent)
      if (stopped() || (now - told < tellEvery && sent < total)) return
      told = now
      state.value = { step: 'sending', sent, total, rate: rate.perSecond }
    },
    completing: () => (state.value = { step: 'completing' }),
  }
  try {
    const file = await transfer.run(listener, stop)
    noteChange()
    void watch(file, by, state, stop)
  } catch (error) {
    if (stopped()) return
    noticeRefusal(error)
    state.value = { step: 'failed', why: words(error) }
  }
}

/** Asks for the verdict until there is one. It does not hold up other uploads. */
async function watch(file: StoredFile, by: Client, state: Signal<State>, stop: AbortSignal): Promise<void> {
  for (let pause = 0.5; file.scan_status === 'pending'; pause = Math.min(10, pause * 1.5)) {
    state.value = { step: 'scanning', file }
    try {
      await wait(pause, stop)
      if (!document.hidden) file = await by.get<StoredFile>(`/files/${file.id}`, stop)
    } catch (error) {
      if (stop.aborted) return
      noticeRefusal(error)
      // Where nobody answers the file is there all the same: a retry would send it twice.
      if (!isFinal(error)) continue
      state.value = { step: 'failed', why: words(error) }
      return
    }
  }
  noteChange()
  state.value = { step: 'done', file }
}
