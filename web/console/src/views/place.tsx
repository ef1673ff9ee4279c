import { useCallback, useRef, useState } from 'preact/hooks'
import type { Folder, StoredFile } from '../api/model'
import { changes } from '../changes'
import { plural } from '../format'
import { forgetFolder, pathTo } from '../folders'
import { useLoad, usePoll } from '../load'
import { go } from '../route'
import { client } from '../session'
import { loadSpaces, spaceName } from '../spaces'
import { BusyButton } from '../ui/busy'
import { FormDialog, NameDialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Menu, MenuItem } from '../ui/menu'
import { Empty, Heading, Shown } from '../ui/page'
import { toast } from '../ui/toast'
import { Crumbs } from './crumbs'
import { DropArea, UploadButton } from './drop'
import { Listing } from './listing'

const pageSize = 500

/** A space's root or one of its folders. */
export function PlacePage({ space, folder }: { space: string; folder: string | null }) {
  const pages = useRef(1)
  const load = useCallback(
    async (signal: AbortSignal) => {
      const inside = folder ?? 'root'
      const [path, folders, files] = await Promise.all([
        pathTo(folder, signal),
        client().get<Folder[]>(`/folders?space_id=${space}&parent_id=${inside}`, signal),
        client().page<StoredFile>(`/files?space_id=${space}&folder_id=${inside}&limit=${pageSize}`, signal),
      ])
      for (let left = pages.current; left > 1 && files.next !== null; left--) {
        const { items, next } = await client().page<StoredFile>(files.next, signal)
        files.items.push(...items)
        files.next = next
      }
      return { path, folders, files: files.items, next: files.next }
    },
    [space, folder],
  )
  const loaded = useLoad(load, changes.value)
  const { data, reload } = loaded
  // Files that somebody else uploaded get their verdict too.
  const scanning = data?.files.some(({ scan_status }) => scan_status === 'pending') ?? false
  usePoll(reload, scanning ? 3 * pages.current : null)

  const here = data?.path.at(-1) ?? null
  const name = folder === null ? spaceName(space) : (here?.name ?? 'Folder')
  const more = () => {
    pages.current++
    return reload()
  }
  return (
    <DropArea place={{ space, folder }}>
      {folder !== null && <Crumbs space={space} path={data?.path ?? []} />}
      <div class="title">
        <Heading title={name}>{name}</Heading>
        <Actions space={space} folder={folder} here={here} reload={reload} />
      </div>
      <Shown loaded={loaded}>
        {({ folders, files, next }) =>
          folders.length + files.length === 0 ? (
            <Empty icon="upload" title="Drop files here">
              <p>They are scanned on arrival. What is clean can be shared as a raw link.</p>
              <UploadButton place={{ space, folder }} />
            </Empty>
          ) : (
            <>
              <Listing folders={folders} files={files} reload={reload} />
              <p class="soft">
                {[folders.length > 0 && plural(folders.length, 'folder'), files.length > 0 && plural(files.length, 'file')].filter(Boolean).join(', ')}
                {next && ' so far '}
                {next && <BusyButton work={more}>Show more</BusyButton>}
              </p>
            </>
          )
        }
      </Shown>
    </DropArea>
  )
}

/** What can be done in a place, and to it: to a folder once `here` tells which it is. */
function Actions({ space, folder, here, reload }: { space: string; folder: string | null; here: Folder | null; reload: () => Promise<void> }) {
  const [asking, setAsking] = useState<'folder' | 'rename' | 'delete' | null>(null)
  const close = () => setAsking(null)
  const what = folder ? 'folder' : 'space'
  const at = folder ? `/folders/${folder}` : `/spaces/${space}`
  const name = here?.name ?? spaceName(space)
  const create = async (name: string) => {
    await client().post('/folders', { name, space_id: space, parent_id: folder })
    await reload()
  }
  const rename = async (name: string) => {
    await client().patch(at, { name })
    if (folder) forgetFolder(folder)
    await (folder ? reload() : loadSpaces())
  }
  const remove = async () => {
    await client().delete(folder ? at : `${at}?recursive=true`)
    close()
    toast(`The ${what} is in the trash.`)
    if (here) go({ view: 'place', space, folder: here.parent_id })
    else {
      await loadSpaces()
      go({ view: 'home' })
    }
  }
  return (
    <div class="actions">
      <button type="button" onClick={() => setAsking('folder')}>
        <Icon name="plus" />
        New folder
      </button>
      <UploadButton place={{ space, folder }} />
      {(folder === null || here) && (
        <Menu label={`More for this ${what}`}>
          <MenuItem icon="pencil" onClick={() => setAsking('rename')}>
            Rename {what}
          </MenuItem>
          <MenuItem icon="trash" danger onClick={() => setAsking('delete')}>
            Delete {what}
          </MenuItem>
        </Menu>
      )}
      {asking === 'folder' && <NameDialog title="New folder" action="Create folder" label="Name" onClose={close} onName={create} />}
      {asking === 'rename' && (
        <NameDialog
          title={`Rename ${what}`}
          action="Rename"
          label="Name"
          value={name}
          longest={folder ? 255 : 200}
          onClose={close}
          onName={rename}
        />
      )}
      {asking === 'delete' && (
        <FormDialog title={`Delete this ${what}?`} action={`Delete ${what}`} danger onClose={close} onSubmit={remove}>
          <p>
            “{name}” and all it holds go to the trash, and their links stop working. From there
            they can be restored.
          </p>
        </FormDialog>
      )}
    </div>
  )
}
