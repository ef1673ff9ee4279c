import { signal } from '@preact/signals'
import type { Space } from './api/model'
import { client } from './session'

/** The spaces of whoever is signed in; null until they are known. */
export const spaces = signal<Space[] | null>(null)

export async function loadSpaces(): Promise<Space[]> {
  const all = await client().get<Space[]>('/spaces')
  spaces.value = all
  return all
}

/** A space's name, as far as it is known. */
export function spaceName(id: string): string {
  return spaces.value?.find((one) => one.id === id)?.name ?? 'Space'
}
