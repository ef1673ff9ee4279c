import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Space } from '../api/model'
import { type Route, go, href, route } from '../route'
import { client, me, signOut } from '../session'
import { knownSpaces, loadSpaces, spaces } from '../spaces'
import { NameDialog } from '../ui/dialog'
import { Icon, type IconName } from '../ui/icon'
import { attempt } from '../ui/toast'
import { underWay } from '../upload/queue'
import { refuseOthers } from './drop'
import { QuotaBars } from './quota'

export function Brand() {
  return (
    <p class="brand">
      <img src={new URL('../../icon.svg', import.meta.url).href} alt="" width="28" height="28" />
      Rawlink
    </p>
  )
}

const places: { to: Route; icon: IconName; name: string; views: string[] }[] = [
  { to: { view: 'home' }, icon: 'folder', name: 'Files', views: ['home', 'place', 'file'] },
  { to: { view: 'links' }, icon: 'link', name: 'Links', views: ['links'] },
  { to: { view: 'webhooks' }, icon: 'hook', name: 'Webhooks', views: ['webhooks', 'webhook'] },
  { to: { view: 'trash' }, icon: 'trash', name: 'Trash', views: ['trash'] },
]

/** What stands around every view. */
export function Shell({ children }: { children: ComponentChildren }) {
  useEffect(() => void attempt(knownSpaces), [])
  useEffect(refuseOthers, [])
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (underWay.value > 0) event.preventDefault()
    }
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [])
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header class="side">
        <Brand />
        <nav class="places" aria-label="Console">
          {places.map(({ to, icon, name, views }) => (
            <a key={name} href={href(to)} aria-current={views.includes(route.value.view) ? 'page' : undefined}>
              <Icon name={icon} />
              {name}
            </a>
          ))}
        </nav>
        <Spaces />
        <div class="foot">
          <QuotaBars />
          <Who />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}

function skip(event: Event): void {
  event.preventDefault()
  const target = document.querySelector<HTMLElement>('main h1') ?? document.querySelector<HTMLElement>('main')
  target?.focus()
}

function Spaces() {
  const [asking, setAsking] = useState(false)
  const at = route.value
  const current = at.view === 'place' ? at.space : null
  const all = spaces.value
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => list.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [current, all])
  return (
    <nav class="spaces" aria-label="Spaces">
      <div class="row">
        <h2>Spaces</h2>
        <button type="button" class="quiet" aria-label="New space" title="New space" onClick={() => setAsking(true)}>
          <Icon name="plus" />
        </button>
      </div>
      <ul ref={list}>
        {all?.map((space) => (
          <li key={space.id}>
            <a href={href({ view: 'place', space: space.id, folder: null })} aria-current={current === space.id ? 'true' : undefined}>
              {space.name}
            </a>
          </li>
        ))}
      </ul>
      {asking && <NewSpace onClose={() => setAsking(false)} />}
    </nav>
  )
}

function NewSpace({ onClose }: { onClose: () => void }) {
  const create = async (name: string) => {
    const space = await client().post<Space>('/spaces', { name })
    await loadSpaces()
    go({ view: 'place', space: space.id, folder: null })
  }
  return <NameDialog title="New space" action="Create space" label="Name" longest={200} onClose={onClose} onName={create} />
}

function Who() {
  const who = me.value
  if (!who) return null
  return (
    <div class="who">
      <p>
        <Icon name="key" />
        <span class="name">{who.label || 'API key'}</span>
        <span class="badge">{who.mode}</span>
      </p>
      <button type="button" class="quiet" onClick={() => signOut()}>
        Forget key
      </button>
      <a href="/docs">API reference</a>
    </div>
  )
}
