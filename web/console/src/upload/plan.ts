import type { Ticket } from '../api/model'

/** One PUT of an upload: the bytes [from, to) to a URL. number 0: the whole file. */
export interface Part {
  number: number
  from: number
  to: number
  url: string
  headers: Record<string, string>
}

/** The PUTs that a ticket asks for. */
export function plan(ticket: Ticket, size: number): Part[] {
  if (ticket.mode === 'single') {
    if (ticket.upload_url === null) throw new Error('the ticket has no URL')
    return [{ number: 0, from: 0, to: size, url: ticket.upload_url, headers: ticket.headers ?? {} }]
  }
  const partSize = ticket.part_size ?? 0
  const urls = ticket.part_urls ?? []
  if (partSize <= 0 || urls.length !== Math.ceil(size / partSize)) throw new Error('the ticket does not fit the file')
  return urls.map(({ part_number: number, url }) => {
    const from = (number - 1) * partSize
    return { number, from, to: Math.min(from + partSize, size), url, headers: {} }
  })
}

/** How far an upload is: what is done, and what its open PUTs have sent. */
export class Progress {
  private readonly sent = new Map<number, number>()

  constructor(readonly total: number) {}

  /** Part `number` has sent so many bytes so far; a PUT that starts over says 0. */
  set(number: number, bytes: number): void {
    this.sent.set(number, bytes)
  }

  get bytes(): number {
    let sum = 0
    for (const bytes of this.sent.values()) sum += bytes
    return Math.min(sum, this.total)
  }
}

/** Estimates a rate from what was sent when, forgetting what is long ago. */
export class Rate {
  private readonly points: { at: number; bytes: number }[] = []

  constructor(private readonly span = 4000) {}

  note(at: number, bytes: number): void {
    const last = this.points.at(-1)
    if (last && bytes < last.bytes) this.points.length = 0 // a part starts over
    this.points.push({ at, bytes })
    while (this.points.length > 2 && at - (this.points[0]?.at ?? at) > this.span) this.points.shift()
  }

  /** Bytes a second; 0 while it can't be said. */
  get perSecond(): number {
    const first = this.points[0]
    const last = this.points.at(-1)
    if (!first || !last || last.at - first.at < 300) return 0
    return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000
  }
}
