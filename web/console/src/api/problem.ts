import { bytes } from '../format'

interface QuotaDetail {
  resource: 'bytes' | 'links'
  limit: number
  used: number
  requested: number
}

/** A refusal of the API: its status, and in `message` what to tell a person. */
export class Problem extends Error {
  override name = 'Problem'

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Nobody answered: the network, or a policy between us and the server. */
export class Unreachable extends Error {
  override name = 'Unreachable'

  constructor(host: string) {
    super(`${host} could not be reached. Check your connection and try again.`)
  }
}

/** Reads a refusal. Sentences of the API are passed on as they are; of a defect they
 * say nothing, but the log does. */
export function problemOf(status: number, body: unknown, requestId: string | null = null): Problem {
  const told = sentence(status, body)
  if (status !== 500 || requestId === null) return new Problem(status, told)
  return new Problem(status, `${told.replace(/\.$/, '')}. The server’s log says more about request ${requestId}.`)
}

function sentence(status: number, body: unknown): string {
  if (typeof body !== 'object' || body === null || !('detail' in body)) {
    return `The server answered ${status} without a reason.`
  }
  const detail = body.detail
  if (detail === 'quota_exceeded') return overQuota('quota' in body ? (body.quota as QuotaDetail) : null)
  if (typeof detail === 'string') return upper(detail)
  if (typeof detail === 'object' && detail !== null && 'error' in detail) {
    if (detail.error === 'insufficient_scope' && 'missing' in detail) {
      return `This key lacks a right: ${(detail.missing as string[]).join(', ')}.`
    }
    if (detail.error === 'feature_not_in_plan') return 'This account is suspended, or its plan has no API.'
  }
  return JSON.stringify(detail)
}

function overQuota(quota: QuotaDetail | null): string {
  if (!quota) return 'The quota is used up.'
  if (quota.resource === 'links') {
    return `All ${quota.limit} links of this account are in use. Revoke one to make room.`
  }
  const left = Math.max(0, quota.limit - quota.used)
  return `Not enough storage: this needs ${bytes(quota.requested)}, and ${bytes(left)} are left. Empty the trash to make room.`
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** What to tell a person about anything that was thrown. */
export function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether this is a refusal that stays one; anything else may go well a moment later. */
export function isFinal(error: unknown): error is Problem {
  return error instanceof Problem && error.status < 500 && error.status !== 408 && error.status !== 429
}

/** Whether this is only somebody who left before the answer came. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
