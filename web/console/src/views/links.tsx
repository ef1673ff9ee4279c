import { useCallback, useRef, useState } from 'preact/hooks'
import type { Share } from '../api/model'
import { changes } from '../changes'
import { plural } from '../format'
import { useLoad } from '../load'
import { learnNames } from '../names'
import { client } from '../session'
import { BusyButton } from '../ui/busy'
import { Empty, Heading, Shown } from '../ui/page'
import { useWatch } from '../watch'
import { LinkTable } from './linktable'

const step = 50

/** All links of the account, newest first. */
export function LinksPage() {
  const [ended, setEnded] = useState(false)
  const most = useRef(step) // no state: more of the same is loaded, what is shown stays
  const names = useRef(new Map<string, string>())
  const load = useCallback(
    async (signal: AbortSignal) => {
      const all = await client().get<Share[]>(`/shares${ended ? '?include_inactive=true' : ''}`, signal)
      const shown = all.toReversed().slice(0, most.current)
      await learnNames(shown, names.current, signal)
      return { all, shown, names: new Map(names.current) }
    },
    [ended],
  )
  const loaded = useLoad(load, changes.value)
  const more = () => {
    most.current += step
    return loaded.reload()
  }
  useWatch(loaded.data?.all ?? null, loaded.reload)
  return (
    <>
      <div class="title">
        <Heading title="Links">Links</Heading>
        <label class="switch">
          <input type="checkbox" checked={ended} onChange={(event) => setEnded(event.currentTarget.checked)} />
          Also those that have ended
        </label>
      </div>
      <Shown loaded={loaded}>
        {({ all, shown, names }) =>
          all.length === 0 ? (
            <Empty icon="link" title={ended ? 'No links yet' : 'No active links'}>
              <p>Open a file that was found clean and choose “Create link”. It then appears here with its counter.</p>
            </Empty>
          ) : (
            <>
              <LinkTable shares={shown} names={names} />
              <p class="soft">
                {shown.length < all.length ? `The newest ${shown.length} of ${plural(all.length, 'link')} ` : plural(all.length, 'link')}
                {shown.length < all.length && <BusyButton work={more}>Show more</BusyButton>}
              </p>
            </>
          )
        }
      </Shown>
    </>
  )
}
