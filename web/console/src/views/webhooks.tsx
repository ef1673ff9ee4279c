import { useCallback, useState } from 'preact/hooks'
import { type CreatedWebhook, type Webhook, events } from '../api/model'
import { relative } from '../format'
import { useLoad } from '../load'
import { go, href } from '../route'
import { client } from '../session'
import { Copy } from '../ui/copy'
import { Dialog, FormDialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Empty, Heading, Shown } from '../ui/page'

export function WebhooksPage() {
  const load = useCallback((signal: AbortSignal) => client().get<Webhook[]>('/webhooks', signal), [])
  const loaded = useLoad(load)
  const [asking, setAsking] = useState(false)
  const create = (
    <button type="button" class="primary" onClick={() => setAsking(true)}>
      <Icon name="plus" />
      New webhook
    </button>
  )
  return (
    <>
      <div class="title">
        <Heading title="Webhooks">Webhooks</Heading>
        {loaded.data && loaded.data.length > 0 && <div class="actions">{create}</div>}
      </div>
      <Shown loaded={loaded}>
        {(hooks) =>
          hooks.length === 0 ? (
            <Empty icon="hook" title="No webhooks yet">
              <p>A webhook tells your server when a file is found clean, a link ends, or a quota is nearly used up.</p>
              {create}
            </Empty>
          ) : (
            <ul class="cards">
              {hooks.map((hook) => (
                <li key={hook.id}>
                  <a href={href({ view: 'webhook', webhook: hook.id })}>{hook.url}</a>
                  <HookState hook={hook} />
                  <small>
                    {hook.events.length === events.length ? 'All events' : hook.events.join(', ')} · made {relative(hook.created_at)}
                  </small>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
      {asking && <NewWebhook onClose={() => setAsking(false)} onMade={loaded.reload} />}
    </>
  )
}

export function HookState({ hook }: { hook: Webhook }) {
  if (!hook.enabled) return <span class="badge infected">Disabled</span>
  if (hook.failures > 0) return <span class="badge pending">Failing</span>
  return <span class="badge clean">Enabled</span>
}

function NewWebhook({ onClose, onMade }: { onClose: () => void; onMade: () => Promise<void> }) {
  const [url, setURL] = useState('')
  const [wanted, setWanted] = useState(() => new Set(events))
  const [made, setMade] = useState<CreatedWebhook | null>(null)
  const toggle = (event: string) => {
    const next = new Set(wanted)
    if (!next.delete(event)) next.add(event)
    setWanted(next)
  }
  const create = async () => {
    if (wanted.size === 0) throw new Error('Choose at least one event.')
    const some = wanted.size === events.length ? null : events.filter((event) => wanted.has(event))
    setMade(await client().post<CreatedWebhook>('/webhooks', { url: url.trim(), events: some }))
    await onMade()
  }
  if (made) return <Secret made={made} onClose={onClose} />
  return (
    <FormDialog title="New webhook" action="Create webhook" onClose={onClose} onSubmit={create}>
      <label for="hook-url">Where events are sent</label>
      <input
        id="hook-url"
        type="url"
        required
        autofocus
        placeholder="https://example.com/rawlink"
        value={url}
        onInput={(event) => setURL(event.currentTarget.value)}
      />
      <fieldset>
        <legend>Tell it of</legend>
        <div class="checks">
          {events.map((event) => (
            <label key={event}>
              <input type="checkbox" checked={wanted.has(event)} onChange={() => toggle(event)} />
              {event}
            </label>
          ))}
        </div>
      </fieldset>
    </FormDialog>
  )
}

function Secret({ made, onClose }: { made: CreatedWebhook; onClose: () => void }) {
  const see = () => {
    onClose()
    go({ view: 'webhook', webhook: made.id })
  }
  return (
    <Dialog title="The webhook is ready" onClose={onClose}>
      <p>Deliveries are signed with this secret, by Standard Webhooks. Your server checks them with it.</p>
      <Copy label="Signing secret" text={made.secret} />
      <p class="hint">
        Copy it now: it is <b>shown only once</b>.
      </p>
      <footer>
        <button type="button" class="primary" onClick={see}>
          See its deliveries
        </button>
      </footer>
    </Dialog>
  )
}
