import { useCallback, useRef, useState } from 'preact/hooks'
import type { Share } from '../api/model'
import { changes } from '../changes'
import { plural } from '../format'
import { pollPause } from '../links'
import { useLoad, usePoll } from '../load'
import { learnNames } from '../names'
import { client } from '../session'
import { Empty, Failed, Heading, Loading } from '../ui/page'
import { useUnchanged } from './file'
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
      return { shown, total: all.length, names: new Map(names.current) }
    },
    [ended, most],
  )
  const { data, error, reload } = useLoad(load, changes.value)
  const unchanged = useUnchanged(data?.shown ?? null)
  usePoll(reload, data && data.total > 0 ? pollPause(unchanged, data.total) : null)
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
      ) : data.total === 0 ? (
        <Empty icon="link" title={ended ? 'No links yet' : 'No active links'}>
          <p>Open a file that was found clean and choose “Create link”. It then appears here with its counter.</p>
        </Empty>
      ) : (
        <>
          <LinkTable shares={data.shown} names={data.names} />
          <p class="soft">
            {data.shown.length < data.total ? `The newest ${data.shown.length} of ${plural(data.total, 'link')} ` : plural(data.total, 'link')}
            {data.shown.length < data.total && (
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
