import type { Share } from './api/model'

export type LinkState = 'active' | 'revoked' | 'expired' | 'used up'

/** What a link is now, in the order in which an edge judges it. */
export function stateOf(share: Share, now = Date.now()): LinkState {
  if (share.revoked) return 'revoked'
  if (share.expires_at !== null && Date.parse(share.expires_at) <= now) return 'expired'
  if (share.max_downloads !== null && share.download_count >= share.max_downloads) return 'used up'
  return 'active'
}

/** How long to wait until the counters are asked for again, in seconds: soon
 * while they move, and less and less often while nothing happens. */
export function pollPause(unchanged: number, links: number): number {
  const base = links > 200 ? 15 : links > 50 ? 5 : 2
  return Math.min(30, base * (unchanged < 15 ? 1 : unchanged < 30 ? 2 : 5))
}
