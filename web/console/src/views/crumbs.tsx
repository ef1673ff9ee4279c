import type { Folder } from '../api/model'
import { href } from '../route'
import { spaceName } from '../spaces'

/** The way to what is shown, which is called `here`. */
export function Trail({ steps, here }: { steps: { name: string; to: string }[]; here: string | undefined }) {
  return (
    <nav class="crumbs" aria-label="Where this is">
      <ol>
        {steps.map(({ name, to }) => (
          <li key={to}>
            <a href={to}>{name}</a>
          </li>
        ))}
        <li aria-current="page">{here}</li>
      </ol>
    </nav>
  )
}

/** The way from the space down to what is shown; `leaf` is a file in the last folder. */
export function Crumbs({ space, path, leaf }: { space: string; path: Folder[]; leaf?: string }) {
  const steps = [
    { name: spaceName(space), to: href({ view: 'place', space, folder: null }) },
    ...path.map(({ id, name }) => ({ name, to: href({ view: 'place', space, folder: id }) })),
  ]
  const here = leaf ?? steps.pop()?.name
  return <Trail steps={steps} here={here} />
}
