import type { ScanStatus } from '../api/model'
import type { LinkState } from '../links'
import { Icon } from './icon'

const verdicts = { pending: 'Scanning', clean: 'Clean', infected: 'Infected' }

export function ScanBadge({ status }: { status: ScanStatus }) {
  return (
    <span class={`badge ${status}`}>
      {status === 'pending' ? <span class="spin" /> : <Icon name={status === 'clean' ? 'check' : 'warning'} />}
      {verdicts[status]}
    </span>
  )
}

export function LinkBadge({ state }: { state: LinkState }) {
  return <span class={`badge ${state === 'active' ? 'clean' : 'ended'}`}>{state.charAt(0).toUpperCase() + state.slice(1)}</span>
}
