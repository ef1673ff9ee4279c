import type { Page } from '@playwright/test'
import { pdf, png } from './content'
import { picture } from './pictures'
import { eicar } from './rawlink'
import { expect, expectRefusals, signIn, test, wantAccessible, wantFit } from './test'

const looks = [
  { name: 'light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  { name: 'phone-light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'phone-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
] as const

/** The pictures that the documents show; of the others there is no need. */
const shown = ['files-light', 'files-dark', 'files-phone-dark', 'file-light', 'file-dark', 'file-phone-light', 'share-light', 'links-dark', 'sign-in-light']

let space = ''
let film = ''
let hook = ''

test.beforeAll(async ({ partner }) => {
  const made = await partner.space('Brand assets')
  space = made.id
  for (const name of ['Campaign 2026', 'Logos', 'Press kit']) await partner.call('POST', '/folders', { name, space_id: space })
  await partner.upload(space, 'Annual report.pdf', 'application/pdf', pdf([59, 91, 140]))
  const clip = await partner.upload(space, 'Launch film.mp4', 'video/mp4', Buffer.alloc(4_812_345, 'film'))
  await partner.upload(space, 'Poster A2.png', 'image/png', png(1600, 1200, [59, 91, 140]))
  await partner.upload(space, 'price list (old).exe', 'application/octet-stream', eicar)
  film = clip.id
  await partner.share(clip)
  const capped = await partner.share(clip, { max_downloads: 10, expires_in_days: 7, permission: 'download' })
  const gone = await partner.share(clip, { password: 'sesame', expires_in_days: 30 })
  await partner.call('DELETE', `/shares/${gone.id}`)
  for (let i = 0; i < 4; i++) await fetch(capped.url, { headers: { 'User-Agent': `reader ${i}` } }).then((response) => response.arrayBuffer())
  const trashed = await partner.upload(space, 'draft.txt', 'text/plain', Buffer.from('draft'))
  await partner.call('DELETE', `/files/${trashed.id}`)
  hook = (await partner.call<{ id: string }>('POST', '/webhooks', { url: 'http://127.0.0.1:9/rawlink' })).id
  await partner.share(clip, { max_downloads: 250 })
})

for (const { name: look, viewport, colorScheme } of looks) {
  test(`every view, ${look}`, async ({ page, rawlink }) => {
    expectRefusals(page) // of the view of what is not there
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })
    const view = async (name: string) => {
      await wantAccessible(page, `${name}, ${look}`)
      await wantFit(page, `${name}, ${look}`)
      if (shown.includes(`${name}-${look}`)) await picture(page, `console-${name}-${look}`)
      else await page.screenshot({ path: `e2e/results/pictures/${name}-${look}.png` })
    }
    await page.goto(rawlink.api)
    await expect(page.getByLabel('API key', { exact: true })).toBeVisible()
    await view('sign-in')
    await signIn(page, rawlink, `#/spaces/${space}`)
    await expect(page.getByRole('row', { name: /Launch film/ })).toBeVisible()
    await settle(page)
    await view('files')
    await page.getByRole('button', { name: 'More for Poster A2.png' }).click()
    await view('menu')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Share Poster A2.png' }).click()
    await page.getByLabel('Ends', { exact: true }).selectOption('At a time…')
    await view('share')
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Campaign 2026' }).click()
    await expect(page.getByRole('heading', { name: 'Drop files here' })).toBeVisible()
    await view('empty')
    await page.getByRole('button', { name: 'More for this folder' }).click()
    await page.getByRole('button', { name: 'Delete folder' }).click()
    await view('confirm')
    await page.keyboard.press('Escape')

    await page.goto(`${rawlink.api}/#/files/${film}`)
    await expect(page.getByText('4 of 10')).toBeVisible()
    await settle(page)
    await view('file')
    await page.getByRole('button', { name: 'Create link' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Create link' }).click()
    await expect(page.getByLabel('Raw link')).toHaveValue(/\/s\//)
    await view('made')
    await page.keyboard.press('Escape')

    for (const [name, hash, wanted] of [
      ['links', 'links', 'Launch film.mp4'],
      ['trash', 'trash', 'draft.txt'],
      ['webhooks', 'webhooks', 'http://127.0.0.1:9/rawlink'],
      ['webhook', `webhooks/${hook}`, 'share.created'],
      ['missing', 'files/00000000-0000-0000-0000-000000000000', 'File not found'],
    ] as const) {
      await page.goto(`${rawlink.api}/#/${hash}`)
      await expect(page.getByText(wanted).first()).toBeVisible()
      await settle(page)
      await view(name)
    }
    await page.goto(`${rawlink.api}/#/webhooks`)
    await page.getByRole('button', { name: 'New webhook' }).click()
    await view('new-webhook')
    await page.keyboard.press('Escape')
    await page.goto(`${rawlink.api}/#/spaces/${space}`)
    await page.getByRole('link', { name: 'Logos' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Logos' })).toBeVisible()
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Upload' }).first().click()
    await (await chooser).setFiles({ name: `note ${look}.txt`, mimeType: 'text/plain', buffer: Buffer.from('note') })
    await expect(page.getByRole('row', { name: new RegExp(`note ${look}.txt`) })).toContainText('Clean')
    await view('uploaded')
  })
}

/** Waits until nothing is loading any more. */
async function settle(page: Page): Promise<void> {
  await expect(page.getByText('Loading…')).toHaveCount(0)
  await expect(page.getByText(/ of 5,000|Links/).first()).toBeVisible()
}
