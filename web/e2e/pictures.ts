import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect } from '@playwright/test'

/** Where the pictures of the documents are; only `scripts/e2e.sh --pictures` makes them. */
const docs = process.env.E2E_PICTURES
const results = 'e2e/results/pictures'

/** Keeps a picture for somebody to look at. */
export async function keep(page: Page, name: string): Promise<void> {
  mkdirSync(results, { recursive: true })
  await page.screenshot({ path: join(results, `${name}.png`), animations: 'disabled', caret: 'hide' })
}

/** Makes a picture for the documents. */
export async function picture(page: Page, name: string): Promise<void> {
  await keep(page, name)
  if (!docs) return
  const path = join(docs, `${name}.png`)
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
  expect(statSync(path).size, `${name} is small`).toBeLessThan(150_000)
}

/** Puts kept pictures side by side, half of them dark: a wide sheet and one of phones. */
export async function sheet(page: Page, name: string, kept: string[]): Promise<void> {
  for (const [place, width] of [['wide', 400], ['phone', 240]] as const) {
    const images = kept.map((one, i) => {
      const file = join(results, `${one}-${place}-${i % 2 === 0 ? 'light' : 'dark'}.png`)
      if (!existsSync(file)) throw new Error(`${file} is missing`)
      return `<img src="data:image/png;base64,${readFileSync(file).toString('base64')}" width="${width}">`
    })
    const judge = await page.context().newPage()
    await judge.setViewportSize({ width: 4 * width + 50, height: 600 })
    await judge.setContent(`<body style="margin:0;padding:10px;display:flex;flex-wrap:wrap;gap:10px;background:#888">${images.join('')}`)
    const box = await judge.evaluate(() => ({ x: 0, y: 0, width: document.body.scrollWidth, height: document.body.getBoundingClientRect().height }))
    await judge.setViewportSize({ width: box.width, height: Math.ceil(box.height) })
    await picture(judge, `${name}-${place}`)
    await judge.close()
  }
}
