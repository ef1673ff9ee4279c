import { effect, signal } from '@preact/signals'
import type { Space } from './api/model'
import { client, session } from './session'

/** The spaces of whoever is signed in; null until they are known. */
export const spaces = signal<Space[] | null>(null)

let latest = 0
let asked: Promise<Space[]> | null = null

// The next one to sign in has others.
effect(() => {
  if (session.value) return
  latest++
  asked = null
  spaces.value = null
})

/** Loads the spaces anew. */
export async function loadSpaces(): Promise<Space[]> {
  const own = ++latest
  const all = await client().get<Space[]>('/spaces')
  if (own === latest) spaces.value = all
  return all
}

/** The spaces as far as they are known; else they are loaded, once for all who ask. */
export async function knownSpaces(): Promise<Space[]> {
  return spaces.value ?? (asked ??= loadSpaces().finally(() => (asked = null)))
}

/** A space's name, as far as it is known. */
export function spaceName(id: string): string {
  return spaces.value?.find((one) => one.id === id)?.name ?? 'Space'
}
