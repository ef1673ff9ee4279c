import { useId, useRef, useState } from 'preact/hooks'
import { Icon } from './icon'

/** A text to copy, such as a link or a secret. */
export function Copy({ label, text }: { label: string; text: string }) {
  const [done, setDone] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const id = useId()
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      document.execCommand('copy') // pages without https have no clipboard of the other sort
    }
    setDone(true)
    setTimeout(() => setDone(false), 2500)
  }
  return (
    <div class="copy">
      <label for={id}>{label}</label>
      <div>
        <input id={id} ref={field} value={text} readOnly onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="primary" onClick={copy}>
          <Icon name={done ? 'check' : 'copy'} />
          <span aria-live="polite">{done ? 'Copied' : 'Copy'}</span>
        </button>
      </div>
    </div>
  )
}
