import { useCallback, useState } from 'preact/hooks'
import type { Delivery, Webhook } from '../api/model'
import { dateTime, plural, relative } from '../format'
import { useLoad, usePoll } from '../load'
import { go, href } from '../route'
import { client } from '../session'
import { BusyButton } from '../ui/busy'
import { FormDialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Empty, Failed, Heading, Loading, Stale } from '../ui/page'
import { attempt, toast } from '../ui/toast'
import { Trail } from './crumbs'
import { HookState } from './webhooks'

const recent = 50

/** One webhook and what it was told lately. */
export function WebhookPage({ id }: { id: string }) {
  const load = useCallback(
    async (signal: AbortSignal) => {
      const [hook, deliveries] = await Promise.all([
        client().get<Webhook>(`/webhooks/${id}`, signal),
        client().get<Delivery[]>(`/webhooks/${id}/deliveries`, signal),
      ])
      return { hook, deliveries: deliveries.slice(-recent).reverse(), total: deliveries.length }
    },
    [id],
  )
  const { data, error, reload } = useLoad(load)
  const [deleting, setDeleting] = useState(false)
  usePoll(reload, data ? (data.total > 200 ? 30 : 4) : null)
  if (error && !data) return <Failed whole why={error} onRetry={reload} />
  if (!data) return <Loading />
  const { hook, deliveries } = data
  const enable = (enabled: boolean) =>
    attempt(async () => {
      await client().patch(`/webhooks/${id}`, { enabled })
      await reload()
    }, enabled ? 'The webhook is enabled.' : 'The webhook is disabled.')
  const remove = async () => {
    await client().delete(`/webhooks/${id}`)
    toast('The webhook is deleted.')
    go({ view: 'webhooks' })
  }
  const replay = (delivery: Delivery) =>
    attempt(async () => {
      await client().post(`/webhooks/${id}/deliveries/${delivery.id}/replay`, {})
      await reload()
    }, 'The event is sent again.')
  return (
    <>
      <Trail steps={[{ name: 'Webhooks', to: href({ view: 'webhooks' }) }]} here={hook.url} />
      <div class="title">
        <Heading title="Webhook">{hook.url}</Heading>
        <div class="actions">
          <BusyButton work={() => enable(!hook.enabled)}>{hook.enabled ? 'Disable' : 'Enable'}</BusyButton>
          <button type="button" class="danger" onClick={() => setDeleting(true)}>
            <Icon name="trash" />
            Delete
          </button>
        </div>
      </div>
      <Stale why={error} />
      <p>
        <HookState hook={hook} /> <span class="soft">{hook.events.join(', ')}</span>
      </p>
      {(hook.disabled_reason ?? hook.last_error) && (
        <p class="alert">
          {hook.disabled_reason ?? `${plural(hook.failures, 'attempt')} failed: ${hook.last_error ?? ''}`}
        </p>
      )}
      <section>
        <h2>Recent deliveries</h2>
        {deliveries.length === 0 ? (
          <Empty icon="hook" title="Nothing was sent yet">
            <p>Upload a file or create a link, and the event appears here.</p>
          </Empty>
        ) : (
          <ul class="cards">
            {deliveries.map((one) => (
              <DeliveryCard key={one.id} delivery={one} onReplay={() => replay(one)} />
            ))}
          </ul>
        )}
      </section>
      {deleting && (
        <FormDialog title="Delete this webhook?" action="Delete webhook" danger onClose={() => setDeleting(false)} onSubmit={remove}>
          <p>It is told nothing more, and what it was told is forgotten.</p>
        </FormDialog>
      )}
    </>
  )
}

const states = { pending: 'pending', delivered: 'clean', dead: 'infected' }

function DeliveryCard({ delivery, onReplay }: { delivery: Delivery; onReplay: () => Promise<unknown> }) {
  const { state, attempts, last_status: status, last_error: why, next_attempt_at: next } = delivery
  return (
    <li>
      <div class="row">
        <b>{delivery.event}</b>
        <span class={`badge ${states[state]}`}>{state.charAt(0).toUpperCase() + state.slice(1)}</span>
        <time dateTime={delivery.created_at} title={dateTime(delivery.created_at)}>
          {relative(delivery.created_at)}
        </time>
        {state !== 'pending' && (
          <BusyButton label={`Send ${delivery.event} again`} work={onReplay}>
            <Icon name="restore" />
            Send again
          </BusyButton>
        )}
      </div>
      <small>
        {plural(attempts, 'attempt')}
        {status !== null && `, last answer ${status}`}
        {state !== 'delivered' && why && `, ${why}`}
        {next && `, next ${Date.parse(next) > Date.now() ? relative(next) : 'now'}`}
      </small>
      <details>
        <summary>Payload</summary>
        <pre tabIndex={0}>{JSON.stringify(delivery.payload, null, 2)}</pre>
      </details>
    </li>
  )
}
