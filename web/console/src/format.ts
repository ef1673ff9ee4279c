// Numbers and times in the words of the person who reads them.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** A size in decimal units, with three digits: 999 B, 1.23 MB, 45.6 GB. */
export function bytes(n: number): string {
  let unit = 0
  let value = n
  // What would be rounded to 1000 of a unit is 1 of the next.
  while (unit < units.length - 1 && Number(value.toPrecision(3)) >= 1000) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0
  return `${number(value, digits)} ${units[unit] ?? ''}`
}

function number(value: number, digits: number): string {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value)
}

/** A whole number with its thousands apart. */
export function count(n: number): string {
  return new Intl.NumberFormat().format(n)
}

/** "1 file", "2 files". */
export function plural(n: number, one: string, many = one + 's'): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

/** Day and time on this machine's clock. */
export function dateTime(iso: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso))
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** How far a time is from now: "in 7 days", "3 minutes ago", "just now". */
export function relative(iso: string, now = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000
  for (const [unit, size] of steps) {
    const n = Math.round(seconds / size)
    if (n !== 0 && Math.abs(seconds) >= size) {
      return new Intl.RelativeTimeFormat(undefined, { numeric: 'always' }).format(n, unit)
    }
  }
  return seconds > 0 ? 'in a moment' : 'just now'
}

/** What is left of something, roughly: "3 s", "5 min", "2 h". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`
  return `${Math.round(seconds / 3600)} h`
}

/** A media type in a word or two. */
export function kind(mime: string | null): string {
  if (!mime) return 'File'
  const [type = '', sub = ''] = (mime.split(';')[0] ?? '').split('/')
  if (sub === 'pdf') return 'PDF'
  if (type === 'image' || type === 'video' || type === 'audio') {
    return `${sub.replace(/^x-/, '').replace(/\+xml$/, '').toUpperCase()} ${type}`
  }
  if (type === 'text') return sub === 'plain' ? 'Text' : sub.toUpperCase()
  return mime === 'application/octet-stream' ? 'File' : (mime.split(';')[0] ?? mime)
}

/** How full something is, in percent; -1 as a limit is none. */
export function percent(used: number, limit: number): number {
  if (limit < 0) return 0
  if (limit === 0) return 100
  return Math.min(100, (used / limit) * 100)
}
