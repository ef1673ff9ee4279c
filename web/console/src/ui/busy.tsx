import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

interface Props {
  /** Does it, and tells what went wrong. */
  work: () => Promise<unknown>
  label?: string // where the text alone doesn't say what it is about
  children: ComponentChildren
}

/** A button for what takes a while: until that has ended, pressing it does nothing. */
export function BusyButton({ work, label, children }: Props) {
  const [busy, setBusy] = useState(false)
  const press = async () => {
    if (busy) return
    setBusy(true)
    try {
      await work()
    } finally {
      setBusy(false)
    }
  }
  return (
    <button type="button" aria-label={label} aria-disabled={busy} onClick={press}>
      {children}
    </button>
  )
}
