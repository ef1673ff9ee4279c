import { signal } from '@preact/signals'
import { isAbort, words } from '../api/problem'
import { noticeRefusal } from '../session'
import { Icon } from './icon'

interface Toast {
  id: number
  text: string
  bad: boolean
}

const toasts = signal<Toast[]>([])
let lastId = 0

/** Tells something that needs no answer. What went wrong stays until it is closed. */
export function toast(text: string, bad = false): void {
  const id = ++lastId
  toasts.value = [...toasts.value.slice(-3), { id, text, bad }]
  if (!bad) setTimeout(() => dismiss(id), 5000)
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id)
}

/** Does something and tells what went wrong. Returns whether nothing did. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work()
    if (done) toast(done)
    return true
  } catch (error) {
    noticeRefusal(error)
    if (!isAbort(error)) toast(words(error), true)
    return false
  }
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, bad }) => (
        <div key={id} class={bad ? 'toast bad' : 'toast'}>
          <Icon name={bad ? 'warning' : 'check'} />
          <p>{text}</p>
          <button type="button" class="quiet" aria-label="Close this message" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  )
}
