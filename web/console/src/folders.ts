import type { Folder } from './api/model'
import { client } from './session'

const known = new Map<string, Folder>()

/** The folders from the space's root down to this one. */
export async function pathTo(folder: string | null, signal?: AbortSignal): Promise<Folder[]> {
  const path: Folder[] = []
  for (let id = folder; id !== null;) {
    // The folder itself is asked for: it may have been renamed or deleted.
    const one: Folder = (id === folder ? undefined : known.get(id)) ?? (await client().get<Folder>(`/folders/${id}`, signal))
    known.set(one.id, one)
    path.unshift(one)
    id = one.parent_id
  }
  return path
}

/** Tells that a folder is not what it was. */
export function forgetFolder(id: string): void {
  known.delete(id)
}
