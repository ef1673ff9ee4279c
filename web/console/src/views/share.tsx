import { useState } from 'preact/hooks'
import type { CreatedShare, NewShare, Permission, StoredFile } from '../api/model'
import { noteChange } from '../changes'
import { dateTime, plural } from '../format'
import { go } from '../route'
import { client } from '../session'
import { Copy } from '../ui/copy'
import { Dialog, FormDialog } from '../ui/dialog'
import { type Expiry, type LinkForm, emptyForm, newShare, soonest } from '../share_form'

/** Makes a link of a file and shows it: the only time that it is seen. */
export function ShareDialog({ file, onClose }: { file: StoredFile; onClose: () => void }) {
  const [form, setForm] = useState<LinkForm>(emptyForm)
  const [made, setMade] = useState<CreatedShare | null>(null)
  const change = (part: Partial<LinkForm>) => setForm({ ...form, ...part })
  if (made) return <Made file={file} share={made} onClose={onClose} />
  const create = async () => {
    const wanted: NewShare = newShare(file.id, form)
    setMade(await client().post<CreatedShare>('/shares', wanted))
    noteChange()
  }
  return (
    <FormDialog title={`Share ${file.name}`} action="Create link" onClose={onClose} onSubmit={create}>
      <fieldset>
        <legend>Whoever opens it</legend>
        <div class="choices">
          <Choice form={form} value="view" name="sees it" about="in the browser" onChange={change} />
          <Choice form={form} value="download" name="saves it" about="as a file" onChange={change} />
        </div>
      </fieldset>
      <div class="pair">
        <div>
          <label for="share-expiry">Ends</label>
          <select id="share-expiry" value={form.expiry} onChange={(event) => change({ expiry: event.currentTarget.value as Expiry })}>
            <option value="never">Never</option>
            <option value="1">After 1 day</option>
            <option value="7">After 7 days</option>
            <option value="30">After 30 days</option>
            <option value="365">After a year</option>
            <option value="at">At a time…</option>
          </select>
        </div>
        <div>
          <label for="share-cap">Most downloads</label>
          <input
            id="share-cap"
            type="number"
            inputMode="numeric"
            min="1"
            step="1"
            placeholder="No limit"
            value={form.cap}
            onInput={(event) => change({ cap: event.currentTarget.value })}
          />
        </div>
      </div>
      {form.expiry === 'at' && (
        <>
          <label for="share-at">Ends at, on your clock</label>
          <input
            id="share-at"
            type="datetime-local"
            required
            min={soonest()}
            value={form.at}
            onInput={(event) => change({ at: event.currentTarget.value })}
          />
        </>
      )}
      <label for="share-password">Password, if any</label>
      <input
        id="share-password"
        type="password"
        autocomplete="new-password"
        maxLength={1024}
        aria-describedby="share-password-about"
        value={form.password}
        onInput={(event) => change({ password: event.currentTarget.value })}
      />
      <p class="hint" id="share-password-about">
        Asked for only where the service enforces passwords. Elsewhere rely on the end and the limit.
      </p>
      <label class="switch">
        <input
          type="checkbox"
          aria-describedby="share-confirm-about"
          checked={form.confirm}
          onChange={(event) => change({ confirm: event.currentTarget.checked })}
        />
        Ask before it opens
      </label>
      <p class="hint" id="share-confirm-about">
        A page with a button comes first. Programs that check mails and show previews then take no download.
      </p>
    </FormDialog>
  )
}

function Choice({ form, value, name, about, onChange }: {
  form: LinkForm
  value: Permission
  name: string
  about: string
  onChange: (part: Partial<LinkForm>) => void
}) {
  return (
    <label class="choice">
      <input type="radio" name="permission" value={value} checked={form.permission === value} onChange={() => onChange({ permission: value })} />
      <span>
        <b>{name}</b> {about}
      </span>
    </label>
  )
}

function Made({ file, share, onClose }: { file: StoredFile; share: CreatedShare; onClose: () => void }) {
  const limits = [
    share.permission === 'view' ? 'shown in the browser' : 'saved as a file',
    share.expires_at ? `until ${dateTime(share.expires_at)}` : 'without end',
    share.max_downloads === null ? 'any number of times' : `at most ${plural(share.max_downloads, 'time')}`,
  ]
  const watch = () => {
    onClose()
    go({ view: 'file', file: file.id })
  }
  return (
    <Dialog title="The link is ready" onClose={onClose}>
      <p>
        {file.name}, {limits.join(', ')}
        {share.has_password && ', with a password'}
        {share.confirm && ', asks first'}.
      </p>
      <Copy label="Raw link" text={share.url} />
      <p class="hint">
        Copy it now: it is <b>shown only once</b>, for only its hash is kept.
      </p>
      <footer>
        <a class="button" href={share.url} target="_blank" rel="noreferrer">
          Open it
        </a>
        <button type="button" class="primary" onClick={watch}>
          Watch its downloads
        </button>
      </footer>
    </Dialog>
  )
}
