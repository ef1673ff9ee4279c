import { createHash } from 'node:crypto'
import { attack, film, pdf, png } from './content'
import { alike, middle } from './pixels'
import { openCutter, openSite } from './servers'
import { expect, expectRefusals, test } from './test'

const teal: [number, number, number] = [0, 150, 136]

test('an image and a PDF show in the browser', async ({ page, partner }) => {
  expectRefusals(page) // of a favicon
  const image = await partner.link('teal.png', 'image/png', png(400, 300, teal))
  await page.goto(image.url)
  await expect.poll(() => middle(page)).toEqual(teal)
  const paper = await partner.link('teal.pdf', 'application/pdf', pdf(teal))
  await page.goto(paper.url)
  await expect.poll(async () => alike(await middle(page), teal), { timeout: 60_000, message: 'the PDF’s page is seen' }).toBe(true)
})

test('a film seeks, and its seeking is no second download', async ({ page, rawlink, partner }) => {
  const site = await openSite()
  try {
    await page.goto(site.show(''))
    const seconds = 20
    const bytes = await film(page, seconds)
    expect(bytes.length).toBeGreaterThan(1_500_000)
    const link = await partner.link('film.webm', 'video/webm', bytes, { permission: 'view', max_downloads: 1 })
    const statuses: number[] = []
    page.on('response', (response) => {
      if (response.url().startsWith(rawlink.files)) statuses.push(response.status())
    })
    await page.goto(site.show(`<video src="${link.url}" crossorigin="anonymous" muted preload="auto"></video>`))
    for (const second of [15, 3, 18, 9]) {
      const seen = await page.evaluate(secondAt, second + 0.5)
      expect(seen.duration).toBeCloseTo(seconds, 0)
      expect(seen.second).toBe(second)
    }
    expect(statuses.length).toBeGreaterThan(0)
    expect(statuses.filter((status) => status !== 206)).toEqual([])
    expect(await partner.count(link)).toBe(1)
    expect((await fetch(link.url)).status).toBe(410) // somebody else: the cap is reached
  } finally {
    site.close()
  }
})

/** Seeks, and reads which second the film shows; see content.ts. */
async function secondAt(second: number): Promise<{ duration: number; second: number }> {
  const video = document.querySelector('video')
  if (!video) throw new Error('no video')
  await new Promise<void>((resolve, reject) => {
    video.onerror = () => reject(new Error(video.error?.message ?? 'no reason'))
    video.onseeked = () => resolve()
    const seek = () => (video.currentTime = second)
    if (video.readyState > 0) seek()
    else video.onloadedmetadata = seek
  })
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  const draw = canvas.getContext('2d', { willReadFrequently: true })
  if (!draw) throw new Error('no canvas')
  draw.drawImage(video, 0, 0)
  const bit = (i: number) => ((draw.getImageData(64 * i + 32, 60, 1, 1).data[0] ?? 0) > 128 ? 2 ** i : 0)
  return { duration: video.duration, second: [0, 1, 2, 3, 4].reduce((sum, i) => sum + bit(i), 0) }
}

test('HTML and SVG run nothing, opened, framed or drawn', async ({ page, partner }) => {
  const site = await openSite()
  try {
    const { html, svg } = attack(site.url)
    await test.step('elsewhere the same files do run: the listener hears them', async () => {
      await page.goto(site.show(html.toString()))
      await expect.poll(() => site.hits.length).toBeGreaterThan(3)
      await page.waitForURL('**/refresh')
      site.hits.length = 0
      await page.goto(site.show(svg.toString()))
      await expect.poll(() => site.hits.length).toBeGreaterThan(1)
      await page.goto(site.show('still'))
      await page.waitForTimeout(1000) // the last of what it sent is no hit of a link
    })
    const types = ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/plain', 'image/png']
    for (const [name, content] of [['attack.html', html], ['attack.svg', svg]] as const) {
      for (const type of types) {
        for (const permission of ['view', 'download'] as const) {
          const link = await partner.link(name, type, content, { permission })
          await page.goto(site.show('still'))
          site.hits.length = 0
          await page.goto(link.url).catch(() => null) // a download ends the navigation
          await page.waitForTimeout(250)
          await page.goto(site.show(`<iframe src="${link.url}"></iframe><object data="${link.url}"></object><img src="${link.url}"><embed src="${link.url}">`))
          await page.waitForTimeout(350)
          expect(site.hits, `${name} as ${type}, ${permission}`).toEqual([])
        }
      }
    }
  } finally {
    site.close()
  }
})

test('a saved file has its name and its bytes', async ({ page, partner }) => {
  const content = Buffer.from('quarterly figures '.repeat(1000))
  const link = await partner.link('Bericht „Q3“ – naïve.txt', 'text/plain', content, { permission: 'download', max_downloads: 1 })
  const site = await openSite()
  try {
    await page.goto(site.show(`<a href="${link.url}">get it</a>`))
    const saving = page.waitForEvent('download')
    await page.getByRole('link').click()
    const saved = await saving
    expect(saved.suggestedFilename()).toBe('Bericht „Q3“ – naïve.txt')
    const chunks: Buffer[] = []
    for await (const chunk of await saved.createReadStream()) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).equals(content)).toBe(true)
    expect(await partner.count(link)).toBe(1)
  } finally {
    site.close()
  }
})

test('a link that asks first opens at its button, and counts then', async ({ page, partner }) => {
  expectRefusals(page) // 403 of the page that asks, and of a favicon
  for (const permission of ['view', 'download'] as const) {
    const link = await partner.link('once.txt', 'text/plain', Buffer.from('asked, and answered\n'), { confirm: true, permission, max_downloads: 1 })
    for (const method of ['GET', 'HEAD']) expect((await fetch(link.url, { method })).status).toBe(403)
    await page.goto(link.url)
    await page.reload()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Open this file?')
    expect(await partner.count(link)).toBe(0)
    const saving = permission === 'download' ? page.waitForEvent('download') : null
    await page.getByRole('button', { name: 'Open the file' }).click()
    if (saving) expect((await saving).suggestedFilename()).toBe('once.txt')
    else await expect(page.getByText('asked, and answered')).toBeVisible()
    expect(await partner.count(link)).toBe(1)
  }
})

test('a download that breaks is resumed and counts once', async ({ page, rawlink, partner }) => {
  const content = Buffer.alloc(9_000_000)
  for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at)
  expectRefusals(page) // of the network
  const link = await partner.link('large.bin', 'application/octet-stream', content, { permission: 'download', max_downloads: 1 })
  const site = await openSite()
  const cutter = await openCutter(rawlink.files, 2_000_000, 3)
  try {
    await page.goto(site.show('still'))
    const url = link.url.replace(rawlink.files, cutter.url)
    const got = await page.evaluate(fetchOn, url)
    expect(cutter.cuts()).toBe(3)
    expect(got.statuses).toEqual([200, 206, 206, 206])
    expect(got.sha256).toBe(createHash('sha256').update(content).digest('hex'))
    expect(await partner.count(link)).toBe(1)
  } finally {
    cutter.close()
    site.close()
  }
})

/** Fetches as a download manager does: on from where the connection broke. */
async function fetchOn(url: string): Promise<{ statuses: number[]; sha256: string }> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  const statuses: number[] = []
  let size = 0
  let total = Infinity
  let etag = ''
  while (size < total) {
    const response = await fetch(url, size === 0 ? {} : { headers: { Range: `bytes=${size}-`, 'If-Range': etag } })
    statuses.push(response.status)
    if (statuses.length > 9 || !response.ok || !response.body) break
    etag = response.headers.get('ETag') ?? ''
    total = size + Number(response.headers.get('Content-Length'))
    const reader = response.body.getReader()
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        chunks.push(read.value)
        size += read.value.length
      }
    } catch {
      // it broke, visibly
    }
  }
  const sum = await crypto.subtle.digest('SHA-256', await new Blob(chunks).arrayBuffer())
  return { statuses, sha256: Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, '0')).join('') }
}
