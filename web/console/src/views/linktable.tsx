import { useEffect, useRef, useState } from 'preact/hooks'
import type { Share } from '../api/model'
import { noteChange } from '../changes'
import { count, dateTime, percent, relative } from '../format'
import { stateOf } from '../links'
import { href } from '../route'
import { client } from '../session'
import { LinkBadge } from '../ui/badge'
import { FormDialog } from '../ui/dialog'
import { toast } from '../ui/toast'

interface Props {
  shares: Share[]
  /** Names the files, where the links are of several. */
  names?: Map<string, string>
}

/** Links with their counters. */
export function LinkTable({ shares, names }: Props) {
  const [revoking, setRevoking] = useState<Share | null>(null)
  const revoke = async () => {
    if (!revoking) return
    await client().delete(`/shares/${revoking.id}`)
    setRevoking(null)
    noteChange()
    toast('The link is revoked.')
  }
  return (
    <>
      <table class="list stacked links">
        <thead>
          <tr>
            <th scope="col">{names ? 'File' : 'Link'}</th>
            <th scope="col">State</th>
            <th scope="col">Downloads</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shares.map((share) => (
            <Row key={share.id} share={share} name={names && (names.get(share.file_id) ?? 'A file')} onRevoke={() => setRevoking(share)} />
          ))}
        </tbody>
      </table>
      {revoking && (
        <FormDialog title="Revoke this link?" action="Revoke link" danger onClose={() => setRevoking(null)} onSubmit={revoke}>
          <p>It stops working at once, everywhere and for good. Whoever has it is told that it was withdrawn.</p>
        </FormDialog>
      )}
    </>
  )
}

function Row({ share, name, onRevoke }: { share: Share; name: string | undefined; onRevoke: () => void }) {
  const state = stateOf(share)
  const about = `${share.permission === 'view' ? 'View' : 'Download'}${share.has_password ? ', password' : ''}${share.confirm ? ', asks first' : ''}`
  const made = relative(share.created_at)
  return (
    <tr class={state === 'active' ? '' : 'ended'}>
      <th scope="row">
        {name === undefined ? (
          <span>{about}</span>
        ) : (
          <a href={href({ view: 'file', file: share.file_id })}>
            <span>{name}</span>
          </a>
        )}
        <small title={dateTime(share.created_at)}>
          {name !== undefined && `${about} · `}made {made}
        </small>
      </th>
      <td>
        <LinkBadge state={state} />
      </td>
      <td class="counter">
        <Counter share={share} />
      </td>
      <td>
        {share.expires_at ? (
          <time dateTime={share.expires_at} title={dateTime(share.expires_at)}>
            {relative(share.expires_at)}
          </time>
        ) : (
          'never'
        )}
      </td>
      <td class="acts">
        {state !== 'revoked' && (
          <button type="button" onClick={onRevoke}>
            Revoke<span class="hidden"> {name ?? `link made ${made}`}</span>
          </button>
        )}
      </td>
    </tr>
  )
}

/** A counter that shows when it moves. */
function Counter({ share }: { share: Share }) {
  const { download_count: n, max_downloads: most } = share
  const before = useRef(n)
  const [moves, setMoves] = useState(0)
  useEffect(() => {
    if (before.current !== n) setMoves((times) => times + 1)
    before.current = n
  }, [n])
  return (
    <>
      <span role="status">
        <span key={moves} class={moves > 0 ? 'count moved' : 'count'}>
          {count(n)}
          {most !== null && ` of ${count(most)}`}
          <span class="hidden"> downloads</span>
        </span>
      </span>
      {most !== null && <progress max={100} value={percent(n, most)} aria-label="Downloads used" />}
    </>
  )
}
