import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { isAbort, words } from './api/problem'
import { noticeRefusal } from './session'

export interface Loaded<T> {
  data: T | null
  error: string | null
  /** Asks again; what is shown stays until the answer comes. */
  reload: () => Promise<void>
}

/**
 * Loads what a view shows. `load` must be stable (useCallback): a new one means
 * that something else is shown. Another `version` means that it is the same and may
 * have changed.
 */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, version = 0): Loaded<T> {
  const [data, setData] = useState<T | null>(null)
  const [error, setError] = useState<string | null>(null)
  const running = useRef<AbortController | null>(null)

  const reload = useCallback(async () => {
    running.current?.abort()
    const own = new AbortController()
    running.current = own
    try {
      const answer = await load(own.signal)
      if (own.signal.aborted) return
      setData(answer)
      setError(null)
    } catch (failure) {
      if (own.signal.aborted || isAbort(failure)) return
      noticeRefusal(failure)
      setError(words(failure))
    }
  }, [load])

  useEffect(() => {
    setData(null)
    setError(null)
    return () => running.current?.abort()
  }, [reload])
  useEffect(() => void reload(), [reload, version])

  return { data, error, reload }
}

/**
 * Repeats something while the page is seen; `pause` says in how many seconds,
 * null: not any more. A page that is shown again asks at once.
 */
export function usePoll(work: () => Promise<void>, pause: number | null): void {
  const latest = useRef(work)
  latest.current = work
  useEffect(() => {
    if (pause === null) return
    let timer: ReturnType<typeof setTimeout> | undefined
    let ended = false
    const next = () => {
      clearTimeout(timer)
      if (!ended && !document.hidden) timer = setTimeout(() => void run(), pause * 1000)
    }
    const run = async () => {
      await latest.current()
      next()
    }
    const seen = () => {
      clearTimeout(timer)
      if (!document.hidden) void run()
    }
    document.addEventListener('visibilitychange', seen)
    next()
    return () => {
      ended = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [pause])
}
