import { computed, signal } from '@preact/signals'
import { Client } from './api/client'
import type { Me } from './api/model'
import { Problem } from './api/problem'

const slot = 'rawlink-key'

/** Who is signed in. The key is in this tab's session storage and nowhere else. */
export const session = signal<{ client: Client; me: Me } | null>(null)

/** Why one has to sign in again; null: there is no reason to tell. */
export const signedOutBecause = signal<string | null>(null)

export const me = computed(() => session.value?.me ?? null)

/** The client of whoever is signed in; views are only shown then. */
export function client(): Client {
  if (!session.value) throw new Error('not signed in')
  return session.value.client
}

/** Tries a key, and keeps it if the API knows it. */
export async function signIn(key: string): Promise<void> {
  const client = new Client(key)
  const me = await client.get<Me>('/me')
  sessionStorage.setItem(slot, key)
  signedOutBecause.value = null
  session.value = { client, me }
}

/** Goes on with the key of this tab, after a reload. */
export async function resume(): Promise<void> {
  const key = sessionStorage.getItem(slot)
  if (key === null) return
  try {
    await signIn(key)
  } catch (error) {
    if (error instanceof Problem && error.status === 401) signOut(error.message)
    else throw error
  }
}

export function signOut(because: string | null = null): void {
  sessionStorage.removeItem(slot)
  signedOutBecause.value = because
  session.value = null
}

/** Ends the session if the API no longer knows the key. */
export function noticeRefusal(error: unknown): void {
  if (error instanceof Problem && error.status === 401 && session.value) signOut(error.message)
}

/** Whether the key may do this. */
export function may(...scopes: string[]): boolean {
  return scopes.every((scope) => me.value?.scopes.includes(scope))
}
