import type { NewShare, Permission } from './api/model'

export type Expiry = 'never' | '1' | '7' | '30' | '365' | 'at'

/** What stands in the form of a new link, as it was typed. */
export interface LinkForm {
  permission: Permission
  expiry: Expiry
  at: string // local time, as datetime-local has it
  cap: string
  password: string
  confirm: boolean
}

export const emptyForm: LinkForm = { permission: 'view', expiry: 'never', at: '', cap: '', password: '', confirm: false }

/** The request that a form stands for. What it can't be says so by throwing. */
export function newShare(file: string, form: LinkForm, now = Date.now()): NewShare {
  const wanted: NewShare = { file_id: file, permission: form.permission }
  if (form.expiry === 'at') {
    const at = new Date(form.at)
    if (Number.isNaN(at.getTime())) throw new Error('Say when the link ends.')
    if (at.getTime() <= now) throw new Error('The link’s end must be in the future.')
    wanted.expires_at = at.toISOString()
  } else if (form.expiry !== 'never') {
    wanted.expires_in_days = Number(form.expiry)
  }
  if (form.cap.trim() !== '') {
    const cap = Number(form.cap)
    if (!Number.isSafeInteger(cap) || cap < 1) throw new Error('Most downloads: a whole number from 1, or nothing for no limit.')
    wanted.max_downloads = cap
  }
  if (form.password !== '') wanted.password = form.password
  if (form.confirm) wanted.confirm = true
  return wanted
}

/** The next whole minute, as datetime-local wants it. */
export function soonest(now = new Date()): string {
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000 + 60_000)
  return local.toISOString().slice(0, 16)
}
