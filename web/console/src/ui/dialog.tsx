import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { words } from '../api/problem'
import { noticeRefusal } from '../session'
import { Icon } from './icon'

/** A modal dialog: focus goes in, stays in, and comes back; Escape closes it, but not
 * while it is `busy`: what comes of that, a link perhaps, is shown there and only once. */
export function Dialog({ title, busy = false, onClose, children }: { title: string; busy?: boolean; onClose: () => void; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useEffect(() => {
    const from = document.activeElement
    box.current?.showModal()
    return () => {
      // Closing gives the focus back; being taken away while open loses it. By now it
      // may also be where somebody went on to.
      if (document.activeElement === document.body && from instanceof HTMLElement) from.focus()
    }
  }, [])
  return (
    <dialog ref={box} aria-labelledby={heading} onCancel={(event) => busy && event.preventDefault()} onClose={onClose}>
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" aria-disabled={busy} onClick={() => busy || box.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  )
}

interface FormProps {
  title: string
  action: string // what the button says
  danger?: boolean
  onClose: () => void
  /** Does it; what it throws is shown, and the form stays. */
  onSubmit: () => Promise<void>
  children: ComponentChildren
}

/** A dialog that asks for something and does it. */
export function FormDialog({ title, action, danger, onClose, onSubmit, children }: FormProps) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    setProblem(null)
    try {
      await onSubmit()
    } catch (error) {
      noticeRefusal(error)
      setProblem(words(error))
    }
    setBusy(false)
  }
  return (
    <Dialog title={title} busy={busy} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        <div role="alert">{problem && <p class="alert">{problem}</p>}</div>
        <footer>
          <button type="button" aria-disabled={busy} onClick={() => busy || onClose()}>
            Cancel
          </button>
          <button type="submit" class={danger ? 'danger' : 'primary'} aria-disabled={busy}>
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** A dialog that asks for a name. */
export function NameDialog({ title, action, label, value = '', longest = 255, onClose, onName }: {
  title: string
  action: string
  label: string
  value?: string
  longest?: number
  onClose: () => void
  onName: (name: string) => Promise<void>
}) {
  const [name, setName] = useState(value)
  const field = useId()
  return (
    <FormDialog
      title={title}
      action={action}
      onClose={onClose}
      onSubmit={async () => {
        await onName(name.trim())
        onClose()
      }}
    >
      <label for={field}>{label}</label>
      <input
        id={field}
        value={name}
        required
        maxLength={longest}
        autocomplete="off"
        autofocus
        onInput={(event) => setName(event.currentTarget.value)}
        onFocus={(event) => {
          const dot = value.lastIndexOf('.')
          event.currentTarget.setSelectionRange(0, dot > 0 ? dot : value.length)
        }}
      />
    </FormDialog>
  )
}
