import type { CreatedShare, NewShare, Share, Space, StoredFile, Ticket } from '../console/src/api/model'
import type { Rawlink } from './rawlink'

/** A partner's program: prepares what a test is not about, and judges what it is. */
export class Partner {
  constructor(private readonly rawlink: Rawlink) {}

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.rawlink.api}/api/v1${path}`, {
      method,
      headers: { 'X-API-Key': this.rawlink.key, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? null : JSON.parse(text)) as T
  }

  space(name: string): Promise<Space> {
    return this.call('POST', '/spaces', { name })
  }

  async upload(space: string, name: string, type: string, content: Buffer): Promise<StoredFile> {
    const ticket = await this.call<Ticket>('POST', '/uploads/initiate', { original_name: name, content_type: type, size: content.length, space_id: space })
    if (ticket.mode === 'multipart') {
      const parts = []
      for (const { part_number, url } of ticket.part_urls ?? []) {
        const from = (part_number - 1) * (ticket.part_size ?? 0)
        const put = await fetch(url, { method: 'PUT', body: new Uint8Array(content.subarray(from, from + (ticket.part_size ?? 0))) })
        parts.push({ PartNumber: part_number, ETag: put.headers.get('ETag') })
      }
      await this.call('POST', '/uploads/complete', { file_id: ticket.file_id, key: ticket.key, upload_id: ticket.upload_id, parts })
    } else {
      await fetch(ticket.upload_url ?? '', { method: 'PUT', headers: ticket.headers ?? {}, body: new Uint8Array(content) })
      await this.call('POST', '/uploads/complete', { file_id: ticket.file_id, key: ticket.key })
    }
    for (;;) {
      const file = await this.call<StoredFile>('GET', `/files/${ticket.file_id}`)
      if (file.scan_status !== 'pending') return file
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  share(file: StoredFile, wanted: Partial<NewShare> = {}): Promise<CreatedShare> {
    return this.call('POST', '/shares', { file_id: file.id, ...wanted })
  }

  /** A link of a new file. */
  async link(name: string, type: string, content: Buffer, wanted: Partial<NewShare> = {}): Promise<CreatedShare> {
    const [space] = await this.call<Space[]>('GET', '/spaces')
    if (!space) throw new Error('there is no space')
    return this.share(await this.upload(space.id, name, type, content), wanted)
  }

  /** The counter of a link that was downloaded, once it stands still. */
  async count(share: Share): Promise<number> {
    let last = 0
    for (let left = 10; ; left--) {
      const { download_count: now } = await this.call<Share>('GET', `/shares/${share.id}`)
      if (now === last && (now > 0 || left <= 0)) return now
      last = now
      await new Promise((resolve) => setTimeout(resolve, 2200)) // counts arrive within 2 s
    }
  }
}
