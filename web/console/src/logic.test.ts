import { describe, expect, it } from 'vitest'
import type { Folder, Share, StoredFile } from './api/model'
import { stateOf } from './links'
import { href, parse } from './route'
import { emptyForm, newShare, soonest } from './share_form'
import { tops } from './trash'

const id = '01890000-0000-7000-8000-000000000001'
const other = '01890000-0000-7000-8000-000000000002'

describe('routes', () => {
  it.each(['#/', `#/spaces/${id}`, `#/spaces/${id}/folders/${other}`, `#/files/${id}`, '#/links', '#/trash', '#/webhooks', `#/webhooks/${id}`])(
    '%s leads to itself',
    (hash) => expect(href(parse(hash))).toBe(hash),
  )
  it.each(['', '#/none', '#/files/x', '#/spaces/../..', `#/files/${id}/more`])('%s leads home', (hash) => expect(parse(hash)).toEqual({ view: 'home' }))
})

describe('a link', () => {
  const link = { revoked: false, expires_at: null, max_downloads: null, download_count: 3 } as Share
  const now = Date.parse('2026-01-01T00:00:00Z')
  it.each([
    ['active', {}],
    ['active', { max_downloads: 4, expires_at: '2026-01-01T00:00:01Z' }],
    ['used up', { max_downloads: 3 }],
    ['expired', { expires_at: '2026-01-01T00:00:00Z', max_downloads: 3 }],
    ['revoked', { revoked: true, expires_at: '2020-01-01T00:00:00Z' }],
  ])('is %s', (state, change) => expect(stateOf({ ...link, ...change }, now)).toBe(state))
})

describe('the form of a link', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  it('asks for nothing that was not wanted', () => expect(newShare(id, emptyForm)).toEqual({ file_id: id, permission: 'view' }))
  it('asks for all that was', () => {
    expect(newShare(id, { permission: 'download', expiry: '7', at: '', cap: ' 5 ', password: ' x', confirm: true })).toEqual({
      file_id: id,
      permission: 'download',
      expires_in_days: 7,
      max_downloads: 5,
      password: ' x',
      confirm: true,
    })
  })
  it('reads a time on this clock', () => {
    const made = newShare(id, { ...emptyForm, expiry: 'at', at: '2026-01-02T10:00' }, now)
    expect(Date.parse(made.expires_at ?? '')).toBe(new Date(2026, 0, 2, 10).getTime())
    expect(made.expires_in_days).toBeUndefined()
  })
  it.each([{ cap: '0' }, { cap: '1.5' }, { cap: '-1' }, { cap: '1e99' }, { cap: 'x' }, { expiry: 'at' as const }, { expiry: 'at' as const, at: '2025-12-31T00:00' }])(
    'refuses %o',
    (change) => expect(() => newShare(id, { ...emptyForm, ...change }, now)).toThrow(),
  )
  it('offers a future minute', () => expect(new Date(soonest()).getTime()).toBeGreaterThan(Date.now() - 1))
})

it('shows the tops of the trash only', () => {
  const folder = (id: string, parent_id: string | null) => ({ id, parent_id, deleted_at: '2026-01-01T00:00:00Z' }) as Folder
  const file = (id: string, folder_id: string | null) => ({ id, folder_id, deleted_at: `2026-01-0${id}T00:00:00Z` }) as StoredFile
  const trash = tops([folder('a', null), folder('b', 'a'), folder('c', 'live')], [file('1', 'b'), file('2', 'live'), file('3', null)])
  expect(trash.folders.map((one) => one.id)).toEqual(['a', 'c'])
  expect(trash.files.map((one) => one.id)).toEqual(['3', '2']) // the latest first
  expect(trash.inside).toBe(2)
})
