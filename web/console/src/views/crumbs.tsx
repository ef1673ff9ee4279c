import type { Folder } from '../api/model'
import { href } from '../route'
import { spaceName } from '../spaces'

/** The way from the space down to what is shown; `leaf` is a file in the last folder. */
export function Crumbs({ space, path, leaf }: { space: string; path: Folder[]; leaf?: string }) {
  const steps = [
    { name: spaceName(space), to: href({ view: 'place', space, folder: null }) },
    ...path.map(({ id, name }) => ({ name, to: href({ view: 'place', space, folder: id }) })),
  ]
  const last = leaf ?? steps.at(-1)?.name
  const links = leaf === undefined ? steps.slice(0, -1) : steps
  return (
    <nav class="crumbs" aria-label="Where this is">
      <ol>
        {links.map(({ name, to }) => (
          <li key={to}>
            <a href={to}>{name}</a>
          </li>
        ))}
        <li aria-current="page">{last}</li>
      </ol>
    </nav>
  )
}
