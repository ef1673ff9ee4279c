import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Icon } from './icon'

/** A text to copy, such as a link or a secret. */
export function Copy({ label, text }: { label: string; text: string }) {
  const [told, setTold] = useState('Copy')
  const field = useRef<HTMLInputElement>(null)
  const id = useId()
  useEffect(() => {
    if (told === 'Copy') return
    const timer = setTimeout(() => setTold('Copy'), 2500)
    return () => clearTimeout(timer)
  }, [told])
  const copy = async () => {
    field.current?.select()
    try {
      await navigator.clipboard.writeText(text)
      setTold('Copied')
    } catch {
      setTold('Press Ctrl+C') // a page without https may not write there; the text is selected
    }
  }
  return (
    <div class="copy">
      <label for={id}>{label}</label>
      <div>
        <input id={id} ref={field} value={text} readOnly onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="primary" onClick={copy}>
          <Icon name={told === 'Copied' ? 'check' : 'copy'} />
          <span aria-live="polite">{told}</span>
        </button>
      </div>
    </div>
  )
}
