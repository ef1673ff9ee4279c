import { useEffect, useRef, useState } from 'preact/hooks'
import { words } from '../api/problem'
import { signIn, signedOutBecause } from '../session'
import { Icon } from '../ui/icon'
import { Brand } from './shell'

export function SignIn() {
  const [key, setKey] = useState('')
  const [shown, setShown] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(signedOutBecause.value)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    document.title = 'Rawlink' // it may name what the last key saw
    field.current?.focus()
  }, [])
  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    setProblem(null)
    try {
      await signIn(key.trim())
    } catch (error) {
      setProblem(words(error))
      setBusy(false)
    }
  }
  return (
    <main class="signin">
      <div class="card">
        <Brand />
        <h1>Open the console</h1>
        <p class="soft">Store files, share them as raw links, and watch them being fetched.</p>
        <form onSubmit={submit}>
          <label for="key">API key</label>
          <div class="with-button">
            <input
              id="key"
              ref={field}
              {...(shown ? { type: 'text' as const } : { type: 'password' as const })}
              value={key}
              required
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              placeholder="fck_live_…"
              aria-describedby="key-about"
              aria-invalid={problem !== null}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
            <button type="button" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {shown ? 'Hide' : 'Show'}
            </button>
          </div>
          <div role="alert">{problem && <p class="alert">{problem}</p>}</div>
          <button type="submit" class="primary wide" aria-disabled={busy}>
            {busy ? 'Checking…' : 'Continue'}
          </button>
        </form>
        <p class="note" id="key-about">
          <Icon name="shield" />
          <span>The key stays in this tab and is gone when you close it.</span>
        </p>
        <p class="note">
          <Icon name="key" />
          <span>
            No key yet? <code>make run</code> prints one; <code>rawlink admin key create</code> makes more.
          </span>
        </p>
      </div>
      <p class="outside">
        <a href="/docs">API reference</a> <a href="/openapi.json">OpenAPI document</a>
      </p>
    </main>
  )
}
