import { signal } from '@preact/signals'

/** Where in the console one is. It stands in the fragment, which no server sees. */
export type Route =
  | { view: 'home' }
  | { view: 'place'; space: string; folder: string | null }
  | { view: 'file'; file: string }
  | { view: 'links' }
  | { view: 'trash' }
  | { view: 'webhooks' }
  | { view: 'webhook'; webhook: string }

const id = '([0-9a-f-]{36})'
const table: [RegExp, (m: string[]) => Route][] = [
  [new RegExp(`^/spaces/${id}$`), ([space = '']) => ({ view: 'place', space, folder: null })],
  [new RegExp(`^/spaces/${id}/folders/${id}$`), ([space = '', folder = '']) => ({ view: 'place', space, folder })],
  [new RegExp(`^/files/${id}$`), ([file = '']) => ({ view: 'file', file })],
  [/^\/links$/, () => ({ view: 'links' })],
  [/^\/trash$/, () => ({ view: 'trash' })],
  [/^\/webhooks$/, () => ({ view: 'webhooks' })],
  [new RegExp(`^/webhooks/${id}$`), ([webhook = '']) => ({ view: 'webhook', webhook })],
]

/** Reads a fragment; what leads nowhere leads home. */
export function parse(hash: string): Route {
  const path = hash.replace(/^#/, '')
  for (const [pattern, make] of table) {
    const found = pattern.exec(path)
    if (found) return make(found.slice(1))
  }
  return { view: 'home' }
}

/** The fragment that leads to a route. */
export function href(route: Route): string {
  switch (route.view) {
    case 'home':
      return '#/'
    case 'place':
      return `#/spaces/${route.space}` + (route.folder ? `/folders/${route.folder}` : '')
    case 'file':
      return `#/files/${route.file}`
    case 'webhook':
      return `#/webhooks/${route.webhook}`
    default:
      return `#/${route.view}`
  }
}

export const route = signal<Route>({ view: 'home' })

/** Follows the address bar from now on. */
export function follow(): void {
  const read = () => (route.value = parse(location.hash))
  addEventListener('hashchange', read)
  read()
}

export function go(to: Route): void {
  location.hash = href(to)
}
