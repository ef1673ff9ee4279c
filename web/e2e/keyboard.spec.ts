import type { Page } from '@playwright/test'
import { expect, signIn, test } from './test'

/** Tabs on until what has the focus is called so. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let left = 40; left > 0; left--) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const at = document.activeElement
      if (!(at instanceof HTMLElement)) return { name: '', outlined: false }
      const labels = at instanceof HTMLInputElement || at instanceof HTMLSelectElement ? [...(at.labels ?? [])].map((label) => label.textContent) : []
      return { name: (at.getAttribute('aria-label') ?? labels[0] ?? at.textContent).trim(), outlined: getComputedStyle(at).outlineStyle !== 'none' }
    })
    if (typeof name === 'string' ? focused.name === name : name.test(focused.name)) {
      expect(focused.outlined, `the focus on ${focused.name} is seen`).toBe(true)
      return
    }
  }
  throw new Error(`nothing called ${String(name)} is reached with Tab`)
}

test('all of it without a mouse', async ({ page, rawlink, partner }) => {
  const space = await partner.space('Partners')
  await page.goto(`${rawlink.api}/#/spaces/${space.id}`)
  await expect(page.getByLabel('API key', { exact: true })).toBeFocused()
  await page.keyboard.type(rawlink.key)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'Partners' })).toBeVisible()

  await tabTo(page, 'Skip to content')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused()

  await tabTo(page, 'New folder')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'New folder' })).toBeFocused() // where it came from

  // Asked for before the way there: the key could overtake it on its way to the page.
  const chooser = page.waitForEvent('filechooser')
  await tabTo(page, 'Upload')
  await page.keyboard.press('Enter')
  await (await chooser).setFiles({ name: 'keys.txt', mimeType: 'text/plain', buffer: Buffer.from('keys') })
  await expect(page.getByRole('row', { name: /keys\.txt 4 B Clean/ })).toBeVisible()

  await tabTo(page, 'Share keys.txt')
  await page.keyboard.press('Enter')
  await tabTo(page, 'Most downloads')
  await page.keyboard.type('2')
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Raw link')).toHaveValue(/\/s\//)
  await tabTo(page, 'Watch its downloads')
  await page.keyboard.press('Enter')
  await expect(page.getByText('0 of 2')).toBeVisible()

  await tabTo(page, /^More for/)
  await page.keyboard.press('Enter')
  await tabTo(page, 'Open')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: /^More for/ })).toBeFocused()

  await tabTo(page, /^Revoke/)
  await page.keyboard.press('Enter')
  await tabTo(page, 'Revoke link')
  await page.keyboard.press('Enter')
  await expect(page.getByText('Revoked', { exact: true })).toBeVisible()
})

test('what moves stands still for those who asked for that', async ({ page, rawlink }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await signIn(page, rawlink)
  await page.getByRole('button', { name: 'New folder' }).click()
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
})
