import { useMemo, useState } from 'preact/hooks'
import type { Folder, StoredFile } from '../api/model'
import { bytes, dateTime, relative } from '../format'
import { download } from '../download'
import { forgetFolder } from '../folders'
import { href } from '../route'
import { client } from '../session'
import { ScanBadge } from '../ui/badge'
import { NameDialog } from '../ui/dialog'
import { Icon } from '../ui/icon'
import { Menu, MenuItem } from '../ui/menu'
import { attempt } from '../ui/toast'
import { ShareDialog } from './share'

type Asking = { what: 'rename folder'; folder: Folder } | { what: 'rename file' | 'share'; file: StoredFile } | null

const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name, undefined, { numeric: true })

/** Folders and files of one place. */
export function Listing({ folders, files, reload }: { folders: Folder[]; files: StoredFile[]; reload: () => Promise<void> }) {
  const [asking, setAsking] = useState<Asking>(null)
  const close = () => setAsking(null)
  const sorted = useMemo(() => ({ folders: folders.toSorted(byName), files: files.toSorted(byName) }), [folders, files])
  const trash = (path: string) => () =>
    attempt(async () => {
      await client().delete(path)
      await reload()
    }, 'Moved to the trash.')
  return (
    <>
      <table class="list stacked files">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" class="size">
              Size
            </th>
            <th scope="col" class="state">
              Scan
            </th>
            <th scope="col" class="when">
              Uploaded
            </th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.folders.map((folder) => (
            <tr key={folder.id}>
              <th scope="row">
                <a href={href({ view: 'place', space: folder.space_id, folder: folder.id })}>
                  <Icon name="folder" />
                  <span>{folder.name}</span>
                </a>
              </th>
              <td class="size" />
              <td class="state" />
              <td class="when" />
              <td class="acts">
                <Menu label={`More for ${folder.name}`}>
                  <MenuItem icon="pencil" onClick={() => setAsking({ what: 'rename folder', folder })}>
                    Rename
                  </MenuItem>
                  <MenuItem icon="trash" danger onClick={trash(`/folders/${folder.id}`)}>
                    Move to trash
                  </MenuItem>
                </Menu>
              </td>
            </tr>
          ))}
          {sorted.files.map((file) => (
            <tr key={file.id}>
              <th scope="row">
                <a href={href({ view: 'file', file: file.id })}>
                  <Icon name="file" />
                  <span>{file.name}</span>
                </a>
              </th>
              <td class="size">{file.size === null ? '' : bytes(file.size)}</td>
              <td class="state">
                <ScanBadge status={file.scan_status} />
              </td>
              <td class="when">
                <time dateTime={file.created_at} title={dateTime(file.created_at)}>
                  {relative(file.created_at)}
                </time>
              </td>
              <td class="acts">
                {file.scan_status === 'clean' && (
                  <button type="button" class="quiet" aria-label={`Share ${file.name}`} title="Share" onClick={() => setAsking({ what: 'share', file })}>
                    <Icon name="link" />
                  </button>
                )}
                <Menu label={`More for ${file.name}`}>
                  {file.scan_status === 'clean' && (
                    <MenuItem icon="download" onClick={() => void download(file)}>
                      Download
                    </MenuItem>
                  )}
                  <MenuItem icon="pencil" onClick={() => setAsking({ what: 'rename file', file })}>
                    Rename
                  </MenuItem>
                  <MenuItem icon="trash" danger onClick={trash(`/files/${file.id}`)}>
                    Move to trash
                  </MenuItem>
                </Menu>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {asking?.what === 'share' && <ShareDialog file={asking.file} onClose={close} />}
      {asking?.what === 'rename file' && <Rename path={`/files/${asking.file.id}`} name={asking.file.name} onClose={close} reload={reload} />}
      {asking?.what === 'rename folder' && (
        <Rename
          path={`/folders/${asking.folder.id}`}
          name={asking.folder.name}
          onClose={close}
          reload={() => {
            forgetFolder(asking.folder.id)
            return reload()
          }}
        />
      )}
    </>
  )
}

function Rename({ path, name, onClose, reload }: { path: string; name: string; onClose: () => void; reload: () => Promise<void> }) {
  const rename = async (name: string) => {
    await client().patch(path, { name })
    await reload()
  }
  return <NameDialog title={`Rename ${name}`} action="Rename" label="New name" value={name} onClose={onClose} onName={rename} />
}
