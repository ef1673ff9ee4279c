import { useState } from 'preact/hooks'
import type { Share } from './api/model'
import { stateOf } from './links'
import { usePoll } from './load'

/** Asks for links again and again, as long as any of their counters may move. */
export function useWatch(links: Share[] | null, reload: () => Promise<void>): void {
  const unchanged = useUnchanged(links)
  const active = links?.filter((link) => stateOf(link) === 'active').length ?? 0
  usePoll(reload, active > 0 ? pollPause(unchanged, active) : null)
}

/** How long to wait until the links are asked for again, in seconds: soon
 * while they move, and less and less often while nothing happens. */
export function pollPause(unchanged: number, active: number): number {
  const base = active > 200 ? 15 : active > 50 ? 5 : 2
  return Math.min(30, base * (unchanged < 15 ? 1 : unchanged < 30 ? 2 : 5))
}

/** How often in a row the counters came back as they were. */
function useUnchanged(links: Share[] | null): number {
  const [seen, setSeen] = useState({ links, print: '', times: 0 })
  if (seen.links !== links) {
    const print = JSON.stringify(links?.map(({ id, download_count }) => [id, download_count]))
    setSeen({ links, print, times: print === seen.print ? seen.times + 1 : 0 })
  }
  return seen.times
}
