import type { Share, StoredFile } from './api/model'
import { isFinal } from './api/problem'
import { client } from './session'

/** Learns the names of the links' files that aren't known yet. Where no answer came,
 * because nobody waited or nobody was there, the next look asks again. */
export async function learnNames(links: Share[], names: Map<string, string>, signal: AbortSignal): Promise<void> {
  const unknown = new Set(links.map(({ file_id }) => file_id).filter((id) => !names.has(id)))
  const learn = async (id: string) => {
    try {
      names.set(id, (await client().get<StoredFile>(`/files/${id}`, signal)).name)
    } catch (error) {
      if (isFinal(error)) names.set(id, error.status === 404 ? 'A deleted file' : 'A file')
    }
  }
  await Promise.all([...unknown].map(learn))
}
