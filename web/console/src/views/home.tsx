import { useEffect, useState } from 'preact/hooks'
import { words } from '../api/problem'
import { href } from '../route'
import { noticeRefusal } from '../session'
import { loadSpaces, spaces } from '../spaces'
import { Failed, Loading } from '../ui/page'

/** Leads to the space that was used last, else to the first one. */
export function Home() {
  const [why, setWhy] = useState<string | null>(null)
  const enter = async () => {
    setWhy(null)
    try {
      const all = spaces.value ?? (await loadSpaces())
      const first = all[0]
      if (first) location.replace(href({ view: 'place', space: first.id, folder: null }))
      else setWhy('There is no space yet. Make one with “New space”.')
    } catch (error) {
      noticeRefusal(error)
      setWhy(words(error))
    }
  }
  useEffect(() => void enter(), [])
  return why === null ? <Loading /> : <Failed whole why={why} onRetry={enter} />
}
