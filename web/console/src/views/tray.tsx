import { useEffect, useRef, useState } from 'preact/hooks'
import { bytes, duration, plural } from '../format'
import { href } from '../route'
import { Icon } from '../ui/icon'
import { type State, type Upload, clearEnded, underWay, uploads } from '../upload/queue'

/** What is being uploaded, beside whatever view is shown. */
export function UploadTray() {
  const box = useRef<HTMLElement>(null)
  const [folded, setFolded] = useState(narrow)
  const all = uploads.value
  const settled = all.length > 0 && all.every(wentWell)
  useEffect(() => {
    if (!settled) return
    // All went well: it leaves by itself, unless somebody is in it.
    const timer = setTimeout(() => {
      if (box.current?.matches(':hover, :focus-within') !== true) clearEnded()
    }, 8000)
    return () => clearTimeout(timer)
  }, [settled, all.length])
  return (
    <>
      <p class="hidden" role="status" aria-live="polite">
        {announcement(all)}
      </p>
      {all.length > 0 && (
        <section class="tray" aria-label="Uploads" ref={box}>
          <header>
            <h2>{headline(all)}</h2>
            <button type="button" class="quiet" aria-expanded={!folded} onClick={() => setFolded(!folded)}>
              {folded ? 'Show' : 'Hide'}
            </button>
            {underWay.value === 0 && (
              <button type="button" class="quiet" aria-label="Clear uploads" onClick={clearEnded}>
                <Icon name="close" />
              </button>
            )}
          </header>
          {folded && underWay.value > 0 && <progress max={100} value={overall(all)} aria-label="All uploads" />}
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

function wentWell({ state: { value } }: Upload): boolean {
  return value.step === 'done' && value.file.scan_status === 'clean'
}

/** A phone has no room for the list until it is asked for. */
function narrow(): boolean {
  return matchMedia('(max-width: 48rem)').matches
}

/** How many are in one of these steps. */
function at(all: Upload[], ...steps: State['step'][]): number {
  return all.filter(({ state }) => steps.includes(state.value.step)).length
}

function headline(all: Upload[]): string {
  if (underWay.value > 0) return `Uploading ${plural(underWay.value, 'file')}`
  const failed = at(all, 'failed')
  const arrived = at(all, 'scanning', 'done')
  if (failed > 0) return `${plural(failed, 'upload')} failed`
  return arrived > 0 ? `${plural(arrived, 'file')} uploaded` : `${plural(all.length, 'upload')} cancelled`
}

function overall(all: Upload[]): number {
  const sent = ({ state, size }: Upload) => (state.value.step === 'sending' ? state.value.sent : state.value.step === 'waiting' ? 0 : size)
  const size = all.reduce((sum, one) => sum + one.size, 0)
  return size === 0 ? 0 : (all.reduce((sum, one) => sum + sent(one), 0) / size) * 100
}

/** What a reader is told: how many, not each percent. */
function announcement(all: Upload[]): string {
  const parts = [
    [underWay.value, 'uploading'],
    [at(all, 'scanning'), 'being scanned'],
    [at(all, 'done'), 'done'],
    [at(all, 'failed'), 'failed'],
    [at(all, 'cancelled'), 'cancelled'],
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
        {busy ? (
          <button type="button" class="quiet" aria-label={`Cancel ${upload.name}`} onClick={upload.cancel}>
            <Icon name="close" />
          </button>
        ) : again ? (
          <button type="button" class="quiet" aria-label={`Retry ${upload.name}`} onClick={upload.retry}>
            Retry
          </button>
        ) : null}
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
