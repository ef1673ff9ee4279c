import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon'

/** A button that shows more buttons. Escape, Tab and clicks elsewhere close it. */
export function Menu({ label, children }: { label: string; children: ComponentChildren }) {
  const [open, setOpen] = useState(false)
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!open) return
    const elsewhere = (event: Event) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false)
    }
    document.addEventListener('pointerdown', elsewhere)
    document.addEventListener('focusin', elsewhere)
    return () => {
      document.removeEventListener('pointerdown', elsewhere)
      document.removeEventListener('focusin', elsewhere)
    }
  }, [open])
  const close = () => {
    setOpen(false)
    box.current?.querySelector('button')?.focus() // or it is lost with the item that had it
  }
  const closeOn = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !open) return
    event.stopPropagation()
    close()
  }
  return (
    <div class="menu" ref={box} onKeyDown={closeOn}>
      <button type="button" class="quiet" aria-label={label} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="more" />
      </button>
      {open && (
        <div class="menu-items" onClick={close}>
          {children}
        </div>
      )}
    </div>
  )
}

export function MenuItem({ icon, danger, onClick, children }: { icon: IconName; danger?: boolean; onClick: () => void; children: ComponentChildren }) {
  return (
    <button type="button" class={danger ? 'item bad' : 'item'} onClick={onClick}>
      <Icon name={icon} />
      {children}
    </button>
  )
}
