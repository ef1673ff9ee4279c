import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { may } from '../session'
import { Icon } from '../ui/icon'
import { toast } from '../ui/toast'
import { enqueue } from '../upload/queue'
import type { Place } from '../upload/transfer'

/** Takes files that are dropped anywhere on a view. */
export function DropArea({ place, children }: { place: Place; children: ComponentChildren }) {
  const [over, setOver] = useState(false)
  const depth = useRef(0) // a drag enters and leaves every element on its way
  const move = (by: number) => (event: DragEvent) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    depth.current = Math.max(0, depth.current + by)
    setOver(depth.current > 0)
  }
  const drop = (event: DragEvent) => {
    if (!carriesFiles(event)) return
    event.preventDefault()
    depth.current = 0
    setOver(false)
    take(dropped(event), place)
  }
  return (
    <div class={over ? 'drop over' : 'drop'} onDragEnter={move(1)} onDragLeave={move(-1)} onDragOver={move(0)} onDrop={drop}>
      {children}
      <p class="drop-hint" aria-hidden="true">
        <Icon name="upload" />
        Drop to upload here
      </p>
    </div>
  )
}

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false
}

/** Keeps a file that is dropped beside a place for it from replacing the console. */
export function refuseOthers(): () => void {
  const refuse = (event: DragEvent) => {
    if (!carriesFiles(event) || event.defaultPrevented) return
    event.preventDefault()
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'none'
  }
  addEventListener('dragover', refuse)
  addEventListener('drop', refuse)
  return () => {
    removeEventListener('dragover', refuse)
    removeEventListener('drop', refuse)
  }
}

function dropped(event: DragEvent): File[] {
  const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file') // others are its name and address
  const files = items.flatMap((item) => {
    if (item.webkitGetAsEntry()?.isDirectory) return []
    const file = item.getAsFile()
    return file ? [file] : []
  })
  if (files.length < items.length) toast('Folders can’t be dropped; drop the files in them.', true)
  return files
}

function take(files: File[], place: Place): void {
  if (files.length === 0) return
  if (may('files:write')) enqueue(files, place)
  else toast('This key lacks a right: files:write.', true)
}

/** The other way to choose files. */
export function UploadButton({ place }: { place: Place }) {
  const input = useRef<HTMLInputElement>(null)
  const chosen = () => {
    take([...(input.current?.files ?? [])], place)
    if (input.current) input.current.value = '' // the same file may be chosen again
  }
  return (
    <>
      <button type="button" class="primary" onClick={() => input.current?.click()}>
        <Icon name="upload" />
        Upload
      </button>
      <input ref={input} type="file" multiple hidden onChange={chosen} />
    </>
  )
}
