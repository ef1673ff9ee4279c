import { Problem, Unreachable } from '../api/problem'
import type { Part } from './plan'

/**
 * Sends one part to the store and returns its ETag. fetch tells nobody how far an
 * upload is, so this is an XMLHttpRequest.
 */
export function put(part: Part, file: Blob, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new DOMException('cancelled', 'AbortError'))
      return
    }
    const request = new XMLHttpRequest()
    const stop = () => request.abort()
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', stop)
      settle()
    }
    signal.addEventListener('abort', stop, { once: true })
    request.upload.onprogress = (event) => onProgress(event.loaded)
    request.onabort = () => end(() => reject(new DOMException('cancelled', 'AbortError')))
    request.onerror = () => end(() => reject(new Unreachable(`The object store (${new URL(part.url, location.href).host})`)))
    request.onload = () =>
      end(() => {
        if (request.status >= 200 && request.status < 300) {
          onProgress(part.to - part.from)
          resolve(request.getResponseHeader('ETag') ?? '')
        } else {
          reject(refusal(request))
        }
      })
    request.open('PUT', part.url)
    for (const [name, value] of Object.entries(part.headers)) {
      if (!forbidden.has(name.toLowerCase())) request.setRequestHeader(name, value)
    }
    // A slice has no type of its own: the type signed is that of the headers.
    request.send(file.slice(part.from, part.to))
  })
}

/** Headers that browsers set themselves and let nobody else set. */
const forbidden = new Set(['host', 'content-length'])

function refusal(request: XMLHttpRequest): Problem {
  let detail = ''
  try {
    const body = JSON.parse(request.responseText) as { detail?: unknown }
    if (typeof body.detail === 'string') detail = `: ${body.detail}`
  } catch {
    detail = /<Message>([^<]*)<\/Message>/.exec(request.responseText)?.[1] ?? ''
    if (detail) detail = `: ${detail}`
  }
  return new Problem(request.status, `The object store refused the bytes (${request.status})${detail}.`)
}
