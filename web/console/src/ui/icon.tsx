// Drawings in a square of 24 by 24. They tell nothing that a text beside them, or
// the name of their button, doesn't.
const drawings = {
  check: 'm5 12.5 4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h10v11H9zM6 15H5V4h10v1.5',
  download: 'M12 4v11m-4.5-4L12 15.5 16.5 11M5 20h14',
  file: 'M7 3.5h7l4.5 4.5v12.5H7a1 1 0 0 1-1-1v-15a1 1 0 0 1 1-1zM14 3.5V8h4.5',
  folder: 'M3.5 7a1.5 1.5 0 0 1 1.5-1.5h4.5l2 2.5H19A1.5 1.5 0 0 1 20.5 9.5v8A1.5 1.5 0 0 1 19 19H5a1.5 1.5 0 0 1-1.5-1.5z',
  hook: 'M9 14.5A3.5 3.5 0 1 1 6.5 11.5M12 6a3.2 3.2 0 1 1 2.6 4.5L11 16.5M12 6l-.4 0M15.5 14.5a3 3 0 1 1-2.5 3.5H7',
  key: 'M14.5 13.5a4.5 4.5 0 1 0-4.3-3.2L4 16.5V20h3.5v-2.5H10V15l1.7-1.7a4.5 4.5 0 0 0 2.8.2zM15.5 8.5v.01',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  open: 'M13.5 5H19v5.5M19 5l-8.5 8.5M17 14v4.5a.5.5 0 0 1-.5.5h-11a.5.5 0 0 1-.5-.5v-11a.5.5 0 0 1 .5-.5H10',
  pencil: 'm4.5 19.5 1-4L16 5l3 3L8.5 18.5z',
  plus: 'M12 5.5v13M5.5 12h13',
  restore: 'M4.5 9.5h9a5 5 0 0 1 0 10H8M8 5.5l-4 4 4 4',
  shield: 'm12 3.5 7 2.8v4.7c0 4.3-2.9 7.6-7 9.5-4.1-1.9-7-5.2-7-9.5V6.3z',
  trash: 'M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5',
  upload: 'M12 16V5m-4.5 4L12 4.5 16.5 9M5 20h14',
  warning: 'M12 4.5 20.5 19h-17zM12 10v4m0 2.5v.01',
} as const

export type IconName = keyof typeof drawings

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={drawings[name]} />
    </svg>
  )
}
