import { h, render } from 'preact'
import { onTestFinished } from 'vitest'

/** For tests: uses a hook in a component that draws nothing, so that no document is
 * needed, until the test ends. */
export function mount<P extends object, T>(hook: (props: P) => T, props: P) {
  const place = { nodeType: 1, childNodes: [], firstChild: null } as unknown as Element
  let latest: T | undefined
  const View = (props: P) => ((latest = hook(props)), null)
  const show = (props: P) => render(h(View as (props: object) => null, props), place)
  show(props)
  onTestFinished(() => render(null, place))
  return { show, now: () => latest }
}
