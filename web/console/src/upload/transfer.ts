import { type Client, wait } from '../api/client'
import type { StoredFile, Ticket } from '../api/model'
import { isAbort, isFinal } from '../api/problem'
import { type Part, Progress, plan } from './plan'
import { put } from './put'

export interface Place {
  space: string
  folder: string | null
}

/** How a transfer tells what it does. */
export interface Listener {
  sending: (sent: number, total: number) => void
  completing: () => void
}

const partsAtOnce = 3
const partTries = 4
const hashUpTo = 16 * 2 ** 20 // digests are made in one piece of memory

/**
 * One file on its way. run may be called again after it failed: the ticket and the
 * parts that have arrived are kept, so only the rest is sent.
 */
export class Transfer {
  private ticket: Ticket | null = null
  private readonly etags = new Map<number, string>()

  constructor(
    private readonly client: Client,
    private readonly file: File,
    private readonly place: Place,
    private readonly putPart: typeof put = put,
    private readonly pause: typeof wait = wait,
  ) {}

  async run(listener: Listener, signal: AbortSignal): Promise<StoredFile> {
    try {
      return await this.attempt(listener, signal)
    } catch (error) {
      // A ticket that has ended, or bytes that weren't what was promised: next
      // time from the beginning.
      if (isFinal(error)) await this.forget()
      throw error
    }
  }

  /** Gives the reserved room back. The ticket's end would do that too, later. */
  async forget(): Promise<void> {
    const ticket = this.ticket
    this.ticket = null
    this.etags.clear()
    if (ticket) await this.client.post('/uploads/abort', { file_id: ticket.file_id }).catch(() => undefined)
  }

  private async attempt(listener: Listener, signal: AbortSignal): Promise<StoredFile> {
    if (this.ticket && Date.parse(this.ticket.expires_at) <= Date.now()) await this.forget()
    this.ticket ??= await this.client.post<Ticket>('/uploads/initiate', await this.wanted(), signal)
    await this.sendAll(plan(this.ticket, this.file.size), listener, signal)
    listener.completing()
    const multipart = this.ticket.mode === 'multipart'
    const stored = await this.client.post<StoredFile>(
      '/uploads/complete',
      {
        file_id: this.ticket.file_id,
        key: this.ticket.key,
        ...(multipart && { upload_id: this.ticket.upload_id, parts: this.arrived() }),
      },
      signal,
    )
    this.ticket = null
    return stored
  }

  private async wanted(): Promise<object> {
    return {
      original_name: this.file.name,
      content_type: this.file.type || 'application/octet-stream',
      size: this.file.size,
      space_id: this.place.space,
      folder_id: this.place.folder,
      sha256: await digest(this.file),
    }
  }

  private arrived(): { PartNumber: number; ETag: string }[] {
    return [...this.etags].sort(([a], [b]) => a - b).map(([PartNumber, ETag]) => ({ PartNumber, ETag }))
  }

  private async sendAll(parts: Part[], listener: Listener, signal: AbortSignal): Promise<void> {
    const progress = new Progress(this.file.size)
    for (const part of parts) if (this.etags.has(part.number)) progress.set(part.number, part.to - part.from)
    const left = parts.filter((part) => !this.etags.has(part.number))
    // The first part that fails for good stops the others, for they would be in vain.
    const group = new AbortController()
    const both = AbortSignal.any([signal, group.signal])
    const work = async () => {
      for (let part = left.shift(); part; part = left.shift()) {
        const { number } = part
        const tell = (bytes: number) => {
          progress.set(number, bytes)
          listener.sending(progress.bytes, this.file.size)
        }
        this.etags.set(number, await this.sendOne(part, tell, both))
      }
    }
    listener.sending(progress.bytes, this.file.size)
    const lanes = Array.from({ length: Math.min(partsAtOnce, left.length) }, () => work().catch((error: unknown) => group.abort(error)))
    await Promise.all(lanes)
    group.signal.throwIfAborted() // with what failed first, not with what came of that
  }

  private async sendOne(part: Part, tell: (bytes: number) => void, signal: AbortSignal): Promise<string> {
    for (let left = partTries; ; left--) {
      try {
        return await this.putPart(part, this.file, tell, signal)
      } catch (error) {
        tell(0)
        if (isAbort(error) || isFinal(error) || left <= 1) throw error
        await this.pause(2 ** (partTries - left), signal)
      }
    }
  }
}

/** The digest that the store then holds the bytes to; undefined for a large file,
 * and where the browser makes none (pages without https). */
async function digest(file: File): Promise<string | undefined> {
  const subtle = globalThis.crypto.subtle as SubtleCrypto | undefined
  if (!subtle || file.size > hashUpTo) return undefined
  const sum = await subtle.digest('SHA-256', await file.arrayBuffer())
  return Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
