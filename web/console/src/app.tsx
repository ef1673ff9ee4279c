import { useEffect, useState } from 'preact/hooks'
import { words } from './api/problem'
import { route } from './route'
import { resume, session } from './session'
import { toast, Toasts } from './ui/toast'
import { FilePage } from './views/file'
import { Home } from './views/home'
import { LinksPage } from './views/links'
import { PlacePage } from './views/place'
import { Shell } from './views/shell'
import { SignIn } from './views/signin'
import { TrashPage } from './views/trash'
import { UploadTray } from './views/tray'
import { WebhookPage } from './views/webhook'
import { WebhooksPage } from './views/webhooks'

export function App() {
  const [ready, setReady] = useState(false)
  useEffect(() => {
    resume()
      .catch((error: unknown) => toast(words(error), true))
      .finally(() => setReady(true))
  }, [])
  if (!ready) return null
  return (
    <>
      {session.value ? (
        <Shell>
          <View />
        </Shell>
      ) : (
        <SignIn />
      )}
      {session.value && <UploadTray />}
      <Toasts />
    </>
  )
}

function View() {
  const at = route.value
  switch (at.view) {
    case 'home':
      return <Home />
    case 'place':
      return <PlacePage key={at.space + (at.folder ?? '')} space={at.space} folder={at.folder} />
    case 'file':
      return <FilePage key={at.file} id={at.file} />
    case 'links':
      return <LinksPage />
    case 'trash':
      return <TrashPage />
    case 'webhooks':
      return <WebhooksPage />
    case 'webhook':
      return <WebhookPage key={at.webhook} id={at.webhook} />
  }
}
