// What the API answers with; /openapi.json says it in full.

export interface Me {
  tenant_id: string
  key_id: string
  label: string
  mode: 'live' | 'test'
  scopes: string[]
}

export interface Space {
  id: string
  name: string
  created_at: string
}

export interface Folder {
  id: string
  space_id: string
  parent_id: string | null
  name: string
  updated_at: string
  deleted_at: string | null
}

export type ScanStatus = 'pending' | 'clean' | 'infected'

export interface StoredFile {
  id: string
  space_id: string
  folder_id: string | null
  name: string
  mime: string | null
  size: number | null
  sha256: string | null
  scan_status: ScanStatus
  scan_detail: string | null
  created_at: string
  updated_at: string
  deleted_at: string | null
}

export type Permission = 'view' | 'download'

export interface Share {
  id: string
  file_id: string
  permission: Permission
  expires_at: string | null
  max_downloads: number | null
  download_count: number
  revoked: boolean
  has_password: boolean
  confirm: boolean
  created_at: string
}

export interface CreatedShare extends Share {
  url: string // shown once
}

export interface NewShare {
  file_id: string
  permission: Permission
  expires_in_days?: number
  expires_at?: string
  max_downloads?: number
  password?: string
  confirm?: boolean
}

export interface Quota {
  bytes_used: number
  bytes_limit: number // -1: unlimited, here and below
  links_used: number
  links_limit: number
}

export interface Ticket {
  mode: 'single' | 'multipart'
  file_id: string
  key: string
  upload_url: string | null
  headers: Record<string, string> | null
  upload_id: string | null
  part_size: number | null
  part_urls: { part_number: number; url: string }[] | null
  expires_at: string
}

export interface Webhook {
  id: string
  url: string
  events: string[]
  enabled: boolean
  disabled_reason: string | null
  failures: number
  last_error: string | null
  created_at: string
}

export interface CreatedWebhook extends Webhook {
  secret: string // shown once
}

export interface Delivery {
  id: string
  event: string
  state: 'pending' | 'delivered' | 'dead'
  attempts: number
  next_attempt_at: string | null
  last_status: number | null
  last_error: string | null
  payload: Record<string, unknown> | null
  created_at: string
  updated_at: string
}

/** What a webhook can be told of. */
export const events = [
  'file.clean',
  'file.infected',
  'file.purged',
  'share.created',
  'share.revoked',
  'share.exhausted',
  'share.expired',
  'quota.near_limit',
]
