import { Unreachable, isFinal, problemOf } from './problem'

/** One page of a list, and where the next one is. */
export interface Page<T> {
  items: T[]
  next: string | null
}

interface Options {
  body?: unknown
  key?: string // for Idempotency-Key
  signal?: AbortSignal | undefined
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

const prefix = '/api/v1'
const tries = 3
const longestWait = 5 // seconds; for longer ones a person decides

/**
 * Speaks to the API with one key. What may be repeated is repeated when nobody
 * answered or the API asks for it: reads, and POSTs by their Idempotency-Key.
 */
export class Client {
  /** The Idempotency-Keys of POSTs of which nobody knows what they did, by what they
   * asked for: whoever asks that again means the same thing, not another one. */
  private readonly unsettled = new Map<string, string>()

  constructor(
    readonly key: string,
    private readonly send: typeof fetch = (input, init) => fetch(input, init),
    private readonly pause: (seconds: number, signal?: AbortSignal) => Promise<void> = wait,
  ) {}

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.request('GET', path, { signal })).body as T
  }

  async post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    const wanted = `${path} ${JSON.stringify(body)}`
    const key = this.unsettled.get(wanted) ?? drawId()
    this.unsettled.delete(wanted) // who asks the same meanwhile asks for another one
    try {
      return (await this.request('POST', path, { body, key, signal })).body as T
    } catch (error) {
      if (!isFinal(error) || error.status === 409) this.unsettled.set(wanted, key)
      throw error
    }
  }

  async patch(path: string, body: unknown): Promise<unknown> {
    return (await this.request('PATCH', path, { body })).body
  }

  async delete(path: string): Promise<unknown> {
    this.unsettled.clear() // what one of them made may be what is taken away
    return (await this.request('DELETE', path, {})).body
  }

  async page<T>(path: string, signal?: AbortSignal): Promise<Page<T>> {
    const { body, link } = await this.request('GET', path, { signal })
    return { items: body as T[], next: nextOf(link) }
  }

  private async request(method: Method, path: string, { body, key, signal }: Options): Promise<{ body: unknown; link: string | null }> {
    const headers: Record<string, string> = { 'X-API-Key': this.key }
    const init: RequestInit = { method, headers, credentials: 'omit', cache: 'no-store', signal: signal ?? null }
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json'
      init.body = JSON.stringify(body)
    }
    if (key !== undefined) headers['Idempotency-Key'] = key
    // A person decides by what is seen. A service may want changes to say so.
    if (method === 'PATCH' || method === 'DELETE') headers['If-Match'] = '*'
    const repeatable = method === 'GET' || method === 'POST'
    for (let left = repeatable ? tries : 1; ; left--) {
      const answer = await this.once(path, init).catch((error: unknown) => {
        if (signal?.aborted) throw error
        return null
      })
      const again = left > 1 ? retryIn(answer?.response) : null
      if (again !== null) {
        await this.pause(again, signal)
        continue
      }
      if (!answer) throw new Unreachable('The server')
      const { response, said } = answer
      if (!response.ok) throw problemOf(response.status, said, response.headers.get('X-Request-Id'))
      return { body: said, link: response.headers.get('Link') }
    }
  }

  /** Asks once. An answer that breaks off is none. */
  private async once(path: string, init: RequestInit): Promise<{ response: Response; said: unknown }> {
    const response = await this.send(prefix + path, init)
    return { response, said: jsonOf(await response.text()) }
  }
}

/** In how many seconds to try again; null: not at all. */
function retryIn(response: Response | undefined): number | null {
  if (!response) return 1
  if (![409, 429, 503].includes(response.status)) return null
  const seconds = Number(response.headers.get('Retry-After'))
  return seconds > 0 && seconds <= longestWait ? seconds : null
}

function jsonOf(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return null // a proxy in between answered
  }
}

/** The path of the next page, without the prefix. */
export function nextOf(link: string | null): string | null {
  const target = /<([^>]+)>\s*;\s*rel="next"/.exec(link ?? '')?.[1]
  return target?.startsWith(prefix + '/') ? target.slice(prefix.length) : null
}

/** Draws an Idempotency-Key. crypto.randomUUID is only there under https. */
export function drawId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Waits, or throws when the signal says that nobody waits any more. */
export function wait(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(new DOMException('stopped', 'AbortError'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
