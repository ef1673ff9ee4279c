import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { Loaded } from '../load'
import { BusyButton } from './busy'
import { Icon, type IconName } from './icon'

let arrivedBefore = false

/** A view's heading. Coming to a view moves the focus there, so that a reader is
 * told where it is; not at the first one, where the browser tells. */
export function Heading({ children, title }: { children: ComponentChildren; title: string }) {
  const place = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Rawlink`
  }, [title])
  useEffect(() => {
    scrollTo(0, 0)
    if (arrivedBefore && !document.querySelector('dialog[open]')) place.current?.focus({ preventScroll: true })
    arrivedBefore = true
  }, [])
  return (
    <h1 ref={place} tabIndex={-1}>
      {children}
    </h1>
  )
}

/** What stands where there is nothing yet: what it is for, and how to begin. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** Tells why what is shown could not be loaded again. */
export function Stale({ why }: { why: string | null }) {
  if (why === null) return null
  return (
    <p class="alert stale" role="status">
      This may be out of date. {why}
    </p>
  )
}

/** Shows what was loaded, and until then that it is on its way, or what went wrong. */
export function Shown<T>({ loaded, children }: { loaded: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, reload } = loaded
  if (data === null) return error === null ? <Loading /> : <Failed why={error} onRetry={reload} />
  return (
    <>
      <Stale why={error} />
      {children(data)}
    </>
  )
}

/** What could not be loaded: a whole view, or the rows under a view's heading. */
export function Failed({ why, whole, onRetry }: { why: string; whole?: boolean; onRetry: () => Promise<void> }) {
  const title = 'This could not be loaded'
  return (
    <div class="empty" role="alert">
      <Icon name="warning" />
      {whole ? <Heading title={title}>{title}</Heading> : <h2>{title}</h2>}
      <p>{why}</p>
      <BusyButton work={onRetry}>Try again</BusyButton>
    </div>
  )
}

/** Stands for rows that are on their way; seen only if that takes a while. */
export function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  )
}
