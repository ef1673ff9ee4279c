import { signal } from '@preact/signals'

/** Counts what this page changed, so that what stands beside it is loaded again. */
export const changes = signal(0)

export function noteChange(): void {
  changes.value++
}
