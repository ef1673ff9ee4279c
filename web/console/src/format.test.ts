import { describe, expect, it } from 'vitest'
import { bytes, duration, kind, percent, plural, relative } from './format'

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1234, '1.23 kB'],
    [12_345, '12.3 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'], // not 1,000 kB
    [5 * 2 ** 30, '5.37 GB'],
    [2 ** 60, '1,153 PB'],
  ])('%d is %s', (n, text) => expect(bytes(n)).toBe(text))
})

describe('relative', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  it.each([
    [0, 'just now'],
    [-59, 'just now'],
    [30, 'in a moment'],
    [-60, '1 minute ago'],
    [90 * 60, 'in 2 hours'],
    [7 * 86_400, 'in 7 days'],
    [-400 * 86_400, '1 year ago'],
  ])('%d seconds from now is %s', (seconds, text) => {
    expect(relative(new Date(now + seconds * 1000).toISOString(), now)).toBe(text)
  })
})

it('says how long something takes, and never nothing', () => {
  expect([0, 59, 61, 7200].map(duration)).toEqual(['1 s', '59 s', '1 min', '2 h'])
})

it('counts in words', () => expect([plural(1, 'file'), plural(2000, 'file')]).toEqual(['1 file', '2,000 files']))

it('names media types', () => {
  expect(['application/pdf', 'image/svg+xml', 'text/plain; charset=utf-8', null, 'application/zip'].map(kind)).toEqual([
    'PDF',
    'SVG image',
    'Text',
    'File',
    'application/zip',
  ])
})

it('knows limits that are none, and that are nothing', () => {
  expect([percent(5, -1), percent(0, 0), percent(1, 4), percent(9, 4)]).toEqual([0, 100, 25, 100])
})
