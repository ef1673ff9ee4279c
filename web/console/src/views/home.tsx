import { useEffect } from 'preact/hooks'
import { useLoad } from '../load'
import { href } from '../route'
import { knownSpaces } from '../spaces'
import { Empty, Failed, Heading, Loading } from '../ui/page'

/** Leads to the first space. */
export function Home() {
  const { data, error, reload } = useLoad(knownSpaces)
  const first = data?.[0]?.id
  useEffect(() => {
    if (first !== undefined) location.replace(href({ view: 'place', space: first, folder: null }))
  }, [first])
  if (error && !data) return <Failed whole why={error} onRetry={reload} />
  if (!data || first !== undefined) return <Loading />
  return (
    <>
      <div class="title">
        <Heading title="Files">Files</Heading>
      </div>
      <Empty icon="folder" title="There is no space yet">
        <p>Files lie in spaces. Make one with “New space”.</p>
      </Empty>
    </>
  )
}
