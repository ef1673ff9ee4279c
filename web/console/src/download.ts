import type { StoredFile } from './api/model'
import { client } from './session'
import { attempt } from './ui/toast'

/** Has the browser save a file, for its owner: a presigned URL, no link, no count. */
export function download(file: StoredFile): Promise<boolean> {
  return attempt(async () => {
    const { url } = await client().get<{ url: string }>(`/files/${file.id}/download`)
    const anchor = document.createElement('a')
    anchor.href = url
    anchor.rel = 'noreferrer'
    anchor.click()
  })
}

/** Shows a file in a tab of its own. The tab must open before anything is asked,
 * or browsers take it for an advertisement. */
export async function preview(file: StoredFile): Promise<boolean> {
  const tab = open('about:blank', '_blank')
  const shown = await attempt(async () => {
    const { url } = await client().get<{ url: string }>(`/files/${file.id}/preview`)
    if (!tab) throw new Error('The browser did not open a new tab.')
    tab.opener = null
    tab.location.replace(url)
  })
  if (!shown) tab?.close()
  return shown
}
