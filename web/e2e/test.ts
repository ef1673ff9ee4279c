import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Page, test as base, expect } from '@playwright/test'
import type { Result, RunOptions } from 'axe-core'
import { Partner } from './partner'
import { type Rawlink, start } from './rawlink'

export { expect }

interface Worker {
  rawlink: Rawlink
  partner: Partner
}

/** Tests with a Rawlink of this run, and a page that may not complain: neither of an
 * error, nor of what its policy forbids, nor ask anybody but Rawlink. */
export const test = base.extend<object, Worker>({
  rawlink: [
    async ({}, use) => {
      const rawlink = await start()
      await use(rawlink)
      await rawlink.stop()
    },
    { scope: 'worker', timeout: 240_000 },
  ],
  partner: [({ rawlink }, use) => use(new Partner(rawlink)), { scope: 'worker' }],
  page: async ({ page }, use) => {
    const complaints = listen(page)
    await use(page)
    expect(complaints, 'what the browser complained of').toEqual([])
  },
})

/** What a page complains of, gathered from now on. */
function listen(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    // A refusal that a test asks for is told by the browser too.
    if (message.text().startsWith('Failed to load resource') && expected.has(page)) return
    complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('request', (request) => {
    if (!/^(http:\/\/(127\.0\.0\.1|localhost):|data:|blob:|about:|chrome:|chrome-extension:)/.test(request.url())) complaints.push(`request: ${request.url()}`)
  })
  return complaints
}

const expected = new WeakSet<Page>()

/** Something will be refused to this page, and that is what the test is about. */
export function expectRefusals(page: Page): void {
  expected.add(page)
}

export async function signIn(page: Page, rawlink: Rawlink, hash = '#/'): Promise<void> {
  await page.goto(`${rawlink.api}/${hash}`)
  await page.getByLabel('API key', { exact: true }).fill(rawlink.key)
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.locator('main h1')).toBeVisible()
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Axe {
  run: (context: Document, options: RunOptions) => Promise<{ violations: Result[] }>
}

/** Wants a view without a finding of axe-core, WCAG 2.2 AA and its best practices. */
export async function wantAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axeSource)
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: Axe }
    const found = await axe.run(document, { resultTypes: ['violations'] })
    return found.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`)
  })
  expect(violations, `accessibility of ${what}`).toEqual([])
}

/** Wants nothing to stick out of a page on the right, where phones would scroll. */
export async function wantFit(page: Page, what: string): Promise<void> {
  const wide = await page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return []
    return [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.outerHTML.slice(0, 120))
  })
  expect(wide, `${what} sticks out`).toEqual([])
}
