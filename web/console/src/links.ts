import type { Share } from './api/model'

export type LinkState = 'active' | 'revoked' | 'expired' | 'used up'

/** What a link is now, in the order in which an edge judges it. */
export function stateOf(share: Share, now = Date.now()): LinkState {
  if (share.revoked) return 'revoked'
  if (share.expires_at !== null && Date.parse(share.expires_at) <= now) return 'expired'
  if (share.max_downloads !== null && share.download_count >= share.max_downloads) return 'used up'
  return 'active'
}
