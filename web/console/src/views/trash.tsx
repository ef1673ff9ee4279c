import { useCallback, useState } from 'preact/hooks'
import type { Folder, StoredFile } from '../api/model'
import { noteChange } from '../changes'
import { bytes, dateTime, plural, relative } from '../format'
import { useLoad, usePoll } from '../load'
import { client } from '../session'
import { loadSpaces, spaceName } from '../spaces'
import { tops } from '../trash'
import { BusyButton } from '../ui/busy'
import { FormDialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Empty, Heading, Shown } from '../ui/page'
import { attempt, toast } from '../ui/toast'

/** What was deleted, to be restored or purged. */
export function TrashPage() {
  const load = useCallback(async (signal: AbortSignal) => {
    const [folders, files] = await Promise.all([
      client().get<Folder[]>('/folders?trash=true', signal),
      client().get<StoredFile[]>('/files?trash=true', signal),
    ])
    return tops(folders, files)
  }, [])
  const loaded = useLoad(load)
  const { data, reload } = loaded
  const [asking, setAsking] = useState<StoredFile | 'all' | null>(null)
  const [emptying, setEmptying] = useState(false)
  const empty = data !== null && data.folders.length + data.files.length === 0
  usePoll(reload, emptying && !empty ? 1 : null)
  const restore = (path: string, name: string) => () =>
    attempt(async () => {
      await client().post(`${path}/restore`, {})
      await Promise.all([loadSpaces(), reload()])
    }, `${name} is restored.`)
  const purge = async () => {
    if (asking === 'all') {
      await client().delete('/gdpr/trash')
      setEmptying(true)
      toast('The trash is being emptied.')
    } else if (asking) {
      await client().delete(`/gdpr/files/${asking.id}`)
      toast(`${asking.name} is deleted for good.`)
    }
    setAsking(null)
    noteChange()
    await reload()
  }
  return (
    <>
      <div class="title">
        <Heading title="Trash">Trash</Heading>
        {!empty && data && (
          <div class="actions">
            <button type="button" class="danger" onClick={() => setAsking('all')}>
              <Icon name="trash" />
              Empty trash
            </button>
          </div>
        )}
      </div>
      <Shown loaded={loaded}>
        {({ folders, files, inside }) =>
          empty ? (
            <Empty icon="trash" title="The trash is empty">
              <p>What you delete waits here and can be restored. Until it is purged it counts as storage.</p>
            </Empty>
          ) : (
            <>
              <table class="list">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col" class="size">
                      Size
                    </th>
                    <th scope="col" class="when">
                      Deleted
                    </th>
                    <th scope="col">
                      <span class="hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {folders.map((folder) => (
                    <Row key={folder.id} icon="folder" thing={folder} size="" onRestore={restore(`/folders/${folder.id}`, folder.name)} />
                  ))}
                  {files.map((file) => (
                    <Row
                      key={file.id}
                      icon="file"
                      thing={file}
                      size={file.size === null ? '' : bytes(file.size)}
                      onRestore={restore(`/files/${file.id}`, file.name)}
                      onPurge={() => setAsking(file)}
                    />
                  ))}
                </tbody>
              </table>
              {inside > 0 && <p class="soft">{plural(inside, 'more thing')} in these folders come back with them.</p>}
            </>
          )
        }
      </Shown>
      {asking && (
        <FormDialog
          title={asking === 'all' ? 'Empty the trash?' : `Delete ${asking.name} for good?`}
          action={asking === 'all' ? 'Empty trash' : 'Delete for good'}
          danger
          onClose={() => setAsking(null)}
          onSubmit={purge}
        >
          <p>The bytes are removed and their storage is free again. This can’t be undone.</p>
        </FormDialog>
      )}
    </>
  )
}

function Row({ icon, thing, size, onRestore, onPurge }: {
  icon: 'folder' | 'file'
  thing: Folder | StoredFile
  size: string
  onRestore: () => Promise<unknown>
  onPurge?: () => void
}) {
  const deleted = thing.deleted_at ?? thing.updated_at
  return (
    <tr>
      <th scope="row">
        <span class="plain">
          <Icon name={icon} />
          <span>{thing.name}</span>
        </span>
        <small>{spaceName(thing.space_id)}</small>
      </th>
      <td class="size">{size}</td>
      <td class="when">
        <time dateTime={deleted} title={dateTime(deleted)}>
          {relative(deleted)}
        </time>
      </td>
      <td class="acts">
        <BusyButton label={`Restore ${thing.name}`} work={onRestore}>
          <Icon name="restore" />
          <span class="wide-only">Restore</span>
        </BusyButton>
        {onPurge && (
          <button type="button" class="quiet" aria-label={`Delete ${thing.name} for good`} title="Delete for good" onClick={onPurge}>
            <Icon name="trash" />
          </button>
        )}
      </td>
    </tr>
  )
}
