import { useCallback, useState } from 'preact/hooks'
import type { Folder, Share, StoredFile } from '../api/model'
import { changes } from '../changes'
import { download, preview } from '../download'
import { bytes, dateTime, kind } from '../format'
import { pathTo } from '../folders'
import { useLoad, usePoll } from '../load'
import { go } from '../route'
import { client, may } from '../session'
import { ScanBadge } from '../ui/badge'
import { Icon } from '../ui/icon'
import { Menu, MenuItem } from '../ui/menu'
import { Empty, Failed, Heading, Loading, Shown, Stale } from '../ui/page'
import { attempt } from '../ui/toast'
import { useWatch } from '../watch'
import { Crumbs } from './crumbs'
import { LinkTable } from './linktable'
import { ShareDialog } from './share'

/** One file: what it is, and its links with their counters. */
export function FilePage({ id }: { id: string }) {
  const load = useCallback(
    async (signal: AbortSignal) => {
      const file = await client().get<StoredFile>(`/files/${id}`, signal)
      const path: Folder[] = await pathTo(file.folder_id, signal).catch(() => [])
      return { file, path }
    },
    [id],
  )
  const { data, error, reload } = useLoad(load)
  const [sharing, setSharing] = useState(false)
  usePoll(reload, data?.file.scan_status === 'pending' ? 1.5 : null)
  if (error && !data) return <Failed whole why={error} onRetry={reload} />
  if (!data) return <Loading />
  const { file, path } = data
  const toTrash = async () => {
    const gone = await attempt(() => client().delete(`/files/${file.id}`), 'Moved to the trash.')
    if (gone) go({ view: 'place', space: file.space_id, folder: file.folder_id })
  }
  const clean = file.scan_status === 'clean' && file.deleted_at === null
  return (
    <>
      <Crumbs space={file.space_id} path={path} leaf={file.name} />
      <div class="title">
        <Heading title={file.name}>{file.name}</Heading>
        <div class="actions">
          {clean && (
            <button type="button" class="primary" onClick={() => setSharing(true)}>
              <Icon name="link" />
              Create link
            </button>
          )}
          {file.deleted_at === null && (
            <Menu label={`More for ${file.name}`}>
              {clean && (
                <MenuItem icon="open" onClick={() => void preview(file)}>
                  Open
                </MenuItem>
              )}
              {clean && (
                <MenuItem icon="download" onClick={() => void download(file)}>
                  Download
                </MenuItem>
              )}
              <MenuItem icon="trash" danger onClick={() => void toTrash()}>
                Move to trash
              </MenuItem>
            </Menu>
          )}
        </div>
      </div>
      <Stale why={error} />
      <Facts file={file} />
      <Verdict file={file} />
      {clean && may('shares:read') && <Links file={file} onShare={() => setSharing(true)} />}
      {sharing && <ShareDialog file={file} onClose={() => setSharing(false)} />}
    </>
  )
}

function Facts({ file }: { file: StoredFile }) {
  return (
    <dl class="facts">
      <div>
        <dt>Scan</dt>
        <dd aria-live="polite">
          <ScanBadge status={file.scan_status} />
        </dd>
      </div>
      <div>
        <dt>Size</dt>
        <dd>{file.size === null ? '–' : bytes(file.size)}</dd>
      </div>
      <div>
        <dt>Kind</dt>
        <dd>{kind(file.mime)}</dd>
      </div>
      <div>
        <dt>Uploaded</dt>
        <dd>{dateTime(file.created_at)}</dd>
      </div>
      {file.sha256 && (
        <div class="digest">
          <dt>SHA-256</dt>
          <dd>
            <code>{file.sha256}</code>
          </dd>
        </div>
      )}
    </dl>
  )
}

function Verdict({ file }: { file: StoredFile }) {
  if (file.deleted_at !== null) return <p class="alert">This file is in the trash. Restore it to share it.</p>
  if (file.scan_status === 'infected') {
    return (
      <p class="alert">
        The scanner found something harmful{file.scan_detail ? `: ${file.scan_detail}` : ''}. The file can’t be shared or
        downloaded; delete it.
      </p>
    )
  }
  if (file.scan_status === 'pending') {
    return <p class="hint">{file.scan_detail ?? 'The file is being scanned. It can be shared as soon as it is found clean.'}</p>
  }
  return null
}

function Links({ file, onShare }: { file: StoredFile; onShare: () => void }) {
  const load = useCallback(
    (signal: AbortSignal) => client().get<Share[]>(`/shares?file_id=${file.id}&include_inactive=true`, signal),
    [file.id],
  )
  const loaded = useLoad(load, changes.value)
  useWatch(loaded.data, loaded.reload)
  return (
    <section>
      <h2>Links</h2>
      <Shown loaded={loaded}>
        {(links) =>
          links.length === 0 ? (
            <Empty icon="link" title="No links yet">
              <p>A link gives the bytes to whoever has it, until it ends, is used up, or you revoke it.</p>
              <button type="button" class="primary" onClick={onShare}>
                <Icon name="link" />
                Create link
              </button>
            </Empty>
          ) : (
            <LinkTable shares={links.toReversed()} />
          )
        }
      </Shown>
    </section>
  )
}
