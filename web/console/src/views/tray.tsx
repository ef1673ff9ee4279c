import { useState } from 'preact/hooks'
import { bytes, duration, plural } from '../format'
import { href } from '../route'
import { Icon } from '../ui/icon'
import { type State, type Upload, clearEnded, underWay, uploads } from '../upload/queue'

/** What is being uploaded, beside whatever view is shown. */
export function UploadTray() {
  const [folded, setFolded] = useState(false)
  const all = uploads.value
  return (
    <>
      <p class="hidden" role="status" aria-live="polite">
        {announcement(all)}
      </p>
      {all.length > 0 && (
        <section class="tray" aria-label="Uploads">
          <header>
            <h2>{underWay.value > 0 ? `Uploading ${plural(underWay.value, 'file')}` : 'Uploads'}</h2>
            <button type="button" class="quiet" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
              {folded ? 'Show' : 'Hide'}
            </button>
            {underWay.value === 0 && (
              <button type="button" class="quiet" aria-label="Clear uploads" onClick={clearEnded}>
                <Icon name="close" />
              </button>
            )}
          </header>
          {!folded && (
            <ul>
              {all.toReversed().map((one) => (
                <Item key={one.id} upload={one} />
              ))}
            </ul>
          )}
        </section>
      )}
    </>
  )
}

/** What a reader is told: how many, not each percent. */
function announcement(all: Upload[]): string {
  if (all.length === 0) return ''
  const at = (...steps: State['step'][]) => all.filter(({ state }) => steps.includes(state.value.step)).length
  const parts = [
    [at('waiting', 'sending', 'completing'), 'uploading'],
    [at('scanning'), 'being scanned'],
    [at('done'), 'done'],
    [at('failed'), 'failed'],
  ] as const
  return parts
    .filter(([n]) => n > 0)
    .map(([n, what]) => `${plural(n, 'upload')} ${what}`)
    .join(', ')
}

function Item({ upload }: { upload: Upload }) {
  const state = upload.state.value
  const busy = state.step === 'waiting' || state.step === 'sending'
  const again = state.step === 'failed' || state.step === 'cancelled'
  const part = state.step === 'sending' && state.total > 0 ? (state.sent / state.total) * 100 : busy ? 0 : 100
  return (
    <li class={state.step}>
      <div class="row">
        <p class="name" title={upload.name}>
          {'file' in state ? <a href={href({ view: 'file', file: state.file.id })}>{upload.name}</a> : upload.name}
        </p>
        {busy && (
          <button type="button" class="quiet" aria-label={`Cancel ${upload.name}`} onClick={upload.cancel}>
            <Icon name="close" />
          </button>
        )}
        {again && (
          <button type="button" class="quiet" aria-label={`Retry ${upload.name}`} onClick={upload.retry}>
            Retry
          </button>
        )}
      </div>
      {!again && state.step !== 'done' && <progress max={100} value={part} aria-label={`${upload.name} sent`} />}
      <p class="how">{tell(state, upload.size)}</p>
    </li>
  )
}

function tell(state: State, size: number): string {
  switch (state.step) {
    case 'waiting':
      return `Waiting · ${bytes(size)}`
    case 'sending': {
      const left = state.rate > 0 ? ` · ${bytes(state.rate)}/s · ${duration((state.total - state.sent) / state.rate)} left` : ''
      return `${bytes(state.sent)} of ${bytes(state.total)}${left}`
    }
    case 'completing':
      return 'Sent, being checked…'
    case 'scanning':
      return 'Being scanned…'
    case 'done':
      return state.file.scan_status === 'clean' ? `Clean, ready to share · ${bytes(size)}` : `Infected: ${state.file.scan_detail ?? 'blocked'}`
    case 'failed':
      return state.why
    case 'cancelled':
      return 'Cancelled'
  }
}
