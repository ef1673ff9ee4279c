import type { Folder, StoredFile } from './api/model'

export interface Trash {
  folders: Folder[]
  files: StoredFile[]
  /** How many more lie in the folders shown, and come back with them. */
  inside: number
}

/** The tops of what was deleted: what lies in a deleted folder comes back with it. */
export function tops(folders: Folder[], files: StoredFile[]): Trash {
  const gone = new Set(folders.map(({ id }) => id))
  const top = (parent: string | null) => parent === null || !gone.has(parent)
  const latest = (a: { deleted_at: string | null }, b: { deleted_at: string | null }) => (b.deleted_at ?? '').localeCompare(a.deleted_at ?? '')
  const shown = {
    folders: folders.filter(({ parent_id }) => top(parent_id)).sort(latest),
    files: files.filter(({ folder_id }) => top(folder_id)).sort(latest),
  }
  return { ...shown, inside: folders.length + files.length - shown.folders.length - shown.files.length }
}
