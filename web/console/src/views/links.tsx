import { useCallback, useRef, useState } from 'preact/hooks'
import type { Share } from '../api/model'
import { changes } from '../changes'
import { plural } from '../format'
import { useLoad } from '../load'
import { learnNames } from '../names'
import { client } from '../session'
import { Empty, Failed, Heading, Loading } from '../ui/page'
import { useWatch } from '../watch'
import { LinkTable } from './linktable'

const step = 50

/** All links of the account, newest first. */
export function LinksPage() {
  const [ended, setEnded] = useState(false)
  const [most, setMost] = useState(step)
  const names = useRef(new Map<string, string>())
  const load = useCallback(
    async (signal: AbortSignal) => {
      const all = await client().get<Share[]>(`/shares${ended ? '?include_inactive=true' : ''}`, signal)
      const shown = all.toReversed().slice(0, most)
      await learnNames(shown, names.current, signal)
      return { all, shown, names: new Map(names.current) }
    },
    [ended, most],
  )
  const { data, error, reload } = useLoad(load, changes.value)
  useWatch(data?.all ?? null, reload)
  return (
    <>
      <div class="title">
        <Heading title="Links">Links</Heading>
        <label class="switch">
          <input type="checkbox" checked={ended} onChange={(event) => setEnded(event.currentTarget.checked)} />
          Also those that have ended
        </label>
      </div>
      {error && !data ? (
        <Failed why={error} onRetry={reload} />
      ) : !data ? (
        <Loading />
      ) : data.all.length === 0 ? (
        <Empty icon="link" title={ended ? 'No links yet' : 'No active links'}>
          <p>Open a file that was found clean and choose “Create link”. It then appears here with its counter.</p>
        </Empty>
      ) : (
        <>
          <LinkTable shares={data.shown} names={data.names} />
          <p class="soft">
            {data.shown.length < data.all.length ? `The newest ${data.shown.length} of ${plural(data.all.length, 'link')} ` : plural(data.all.length, 'link')}
            {data.shown.length < data.all.length && (
              <button type="button" onClick={() => setMost(most + step)}>
                Show more
              </button>
            )}
          </p>
        </>
      )}
    </>
  )
}
