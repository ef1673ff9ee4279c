import type { Page } from '@playwright/test'
import { keep, sheet } from './pictures'
import { learned } from './rawlink'
import { expect, expectRefusals, test, wantAccessible, wantFit } from './test'

// The pages' own policy lets no script in, not even axe-core.
test.use({ bypassCSP: true })

const text = Buffer.from('good bytes\n')

// Before the guesses below, which shut this machine out for a minute.
test('the right password opens the link', async ({ page, partner }) => {
  expectRefusals(page)
  const link = await partner.link('secret.txt', 'text/plain', text, { password: 'open sesame', permission: 'view', max_downloads: 1 })
  await page.goto(link.url)
  await page.getByLabel('Password').fill('open sesame')
  await page.keyboard.press('Enter')
  await expect(page.getByText('good bytes')).toBeVisible()
  expect(await partner.count(link)).toBe(1)
})

test('every refusal says what happened, and what to do', async ({ page, rawlink, partner }) => {
  test.setTimeout(300_000)
  expectRefusals(page)
  const link = (wanted: object = {}) => partner.link('a.txt', 'text/plain', text, wanted)
  const ends = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
  const [revoked, used, expired, locked, asking] = await Promise.all([
    link(), link({ max_downloads: 1, permission: 'view' }), link({ expires_at: ends(8) }), link({ password: 'open sesame' }),
    link({ confirm: true }),
  ]) // prettier-ignore
  const infected = await partner.link('b.txt', 'text/plain', Buffer.from(learned))
  expect((await fetch(infected.url)).status).toBe(200)
  await partner.call('DELETE', `/shares/${revoked.id}`)
  await fetch(used.url).then((response) => response.text())
  await rawlink.learn()
  await expect.poll(async () => (await fetch(expired.url)).status, { timeout: 60_000 }).toBe(410)

  const cases = [
    { name: 'unknown', url: `${rawlink.files}/s/nothing`, status: 404, title: 'Nothing is shared here' },
    { name: 'revoked', url: revoked.url, status: 410, title: 'This link was withdrawn' },
    { name: 'expired', url: expired.url, status: 410, title: 'This link has expired' },
    { name: 'used-up', url: used.url, status: 410, title: 'This link is used up' },
    { name: 'infected', url: infected.url, status: 409, title: 'This file is blocked' },
    { name: 'password', url: locked.url, status: 401, title: 'This link needs a password' },
    { name: 'confirm', url: asking.url, status: 403, title: 'Open this file?' },
  ]
  for (const { name, url, status, title } of cases) {
    const answer = await page.goto(url)
    expect(answer?.status(), name).toBe(status)
    expect((await answer?.body())?.length, name).toBeLessThan(8 << 10)
    expect(answer?.headers()['cache-control'], name).toBe('no-store')
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title)
    expect(await page.locator('script').count()).toBe(0)
    await inAllLooks(page, name)
  }

  await test.step('a wrong password, and too many of them', async () => {
    await page.goto(locked.url)
    await expect(page.getByLabel('Password')).toBeFocused()
    await page.keyboard.type('wrong')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('alert')).toHaveText(/That isn’t the password/)
    await inAllLooks(page, 'wrong-password')
    for (let left = 12; left > 0 && (await page.getByLabel('Password').count()) > 0; left--) {
      await page.getByLabel('Password').fill(`wrong ${left}`)
      const answered = page.waitForEvent('load')
      await page.getByRole('button').click()
      await answered
    }
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Too many wrong passwords')
    await inAllLooks(page, 'too-many')
  })
  await sheet(page, 'pages', ['unknown', 'revoked', 'expired', 'used-up', 'infected', 'password', 'wrong-password', 'too-many'])
})

/** Looks at a page in light and dark, on a desk and on a phone. */
async function inAllLooks(page: Page, name: string): Promise<void> {
  for (const [place, width, height] of [['wide', 800, 560], ['phone', 390, 620]] as const) {
    await page.setViewportSize({ width, height })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await wantAccessible(page, `${name}, ${place}, ${colorScheme}`)
      await wantFit(page, `${name}, ${place}`)
      await keep(page, `${name}-${place}-${colorScheme}`)
    }
  }
}
