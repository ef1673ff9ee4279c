import { useCallback } from 'preact/hooks'
import type { Quota } from '../api/model'
import { changes } from '../changes'
import { bytes, count, percent } from '../format'
import { useLoad, usePoll } from '../load'
import { client, may } from '../session'

/** How full the account is. Asked for again after uploads, and twice a minute. */
export function QuotaBars() {
  const allowed = may('quota:read')
  const load = useCallback(
    (signal: AbortSignal) => (allowed ? client().get<Quota>('/quota', signal) : Promise.resolve(null)),
    [allowed],
  )
  const { data, reload } = useLoad<Quota | null>(load, changes.value)
  usePoll(reload, allowed ? 30 : null)
  if (!data) return null
  return (
    <dl class="quota">
      <Bar name="Storage" used={data.bytes_used} limit={data.bytes_limit} show={bytes} />
      <Bar name="Links" used={data.links_used} limit={data.links_limit} show={count} />
    </dl>
  )
}

function Bar({ name, used, limit, show }: { name: string; used: number; limit: number; show: (n: number) => string }) {
  const full = percent(used, limit)
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {show(used)} {limit < 0 ? 'used' : `of ${show(limit)}`}
      </dd>
      {limit >= 0 && (
        <dd>
          <progress class={full >= 90 ? 'near' : ''} max={100} value={full} aria-label={`${name} used`} />
        </dd>
      )}
    </div>
  )
}
