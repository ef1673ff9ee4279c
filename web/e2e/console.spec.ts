import { eicar } from './rawlink'
import { expect, expectRefusals, signIn, test } from './test'

test('a key that is none is refused in the words of the API, and kept nowhere', async ({ page, rawlink }) => {
  expectRefusals(page)
  await page.goto(rawlink.api)
  await page.getByLabel('API key', { exact: true }).fill('fck_live_00000000000000000000000000000000')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByRole('alert')).toHaveText('Unknown, revoked or expired API key')
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
})

test('a partner’s first five minutes', async ({ page, rawlink, partner, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await signIn(page, rawlink)

  await test.step('the key is in this tab’s memory and nowhere else', async () => {
    expect(await page.evaluate(() => [localStorage.length, document.cookie, location.href.includes('fck_')])).toEqual([0, '', false])
    expect(await context.cookies()).toEqual([])
    await page.reload()
    await expect(page.getByRole('heading', { name: 'My files' })).toBeVisible()
  })

  await test.step('a space and folders in it', async () => {
    await page.getByRole('button', { name: 'New space' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Brand assets')
    await page.getByRole('button', { name: 'Create space' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Brand assets' })).toBeVisible()
    for (const name of ['Logos', 'Drafts']) {
      await page.getByRole('button', { name: 'New folder' }).click()
      await page.getByLabel('Name', { exact: true }).fill(name)
      await page.getByRole('button', { name: 'Create folder' }).click()
    }
    await page.getByRole('button', { name: 'More for Drafts' }).click()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByLabel('New name').fill('Sketches')
    await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click()
    await expect(page.getByRole('link', { name: 'Sketches' })).toBeVisible()
    await page.getByRole('link', { name: 'Logos' }).click()
    await expect(page.getByRole('navigation', { name: 'Where this is' })).toHaveText('Brand assetsLogos')
  })

  await test.step('files by choice and by drop, in one part and in several', async () => {
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Upload' }).first().click()
    await (await chooser).setFiles([
      { name: 'hello.txt', mimeType: 'text/plain', buffer: Buffer.from('hello, world\n') },
      { name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(17_000_000, 'rawlink ') },
    ])
    await expect(page.getByRole('row', { name: /large\.bin 17 MB Clean/ })).toBeVisible({ timeout: 60_000 })
    await expect(page.getByRole('row', { name: /hello\.txt 13 B Clean/ })).toBeVisible()
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }))
      return transfer
    })
    await page.dispatchEvent('.drop', 'dragenter', { dataTransfer: data })
    await expect(page.getByText('Drop to upload here')).toBeVisible()
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: data })
    await expect(page.getByRole('row', { name: /dropped\.txt 7 B Clean/ })).toBeVisible()
  })

  const link = await test.step('a link, shown once and copied', async () => {
    await page.getByRole('button', { name: 'Share hello.txt' }).click()
    await page.getByRole('radio', { name: 'saves it as a file' }).check()
    await page.getByLabel('Ends', { exact: true }).selectOption('After 7 days')
    await page.getByLabel('Most downloads').fill('3')
    await page.getByRole('button', { name: 'Create link' }).click()
    await page.getByRole('button', { name: 'Copy' }).click()
    await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toMatch(new RegExp(`^${rawlink.files}/s/[\\w-]+$`))
    await page.getByRole('button', { name: 'Watch its downloads' }).click()
    return copied
  })

  await test.step('its counter moves while one looks', async () => {
    await expect(page.getByText('0 of 3')).toBeVisible()
    expect(await (await fetch(link)).text()).toBe('hello, world\n')
    await expect(page.getByText('1 of 3')).toBeVisible()
    await expect(page.getByRole('cell', { name: 'in 7 days' })).toBeVisible()
  })

  await test.step('it is revoked, and refused at once', async () => {
    await page.getByRole('button', { name: /^Revoke/ }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke link' }).click()
    await expect(page.getByText('Revoked', { exact: true })).toBeVisible()
    await expect.poll(async () => (await fetch(link)).status, { timeout: 1000 }).toBe(410)
    await page.getByRole('link', { name: 'Links', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'No active links' })).toBeVisible()
    await page.getByLabel('Also those that have ended').check()
    await expect(page.getByRole('row', { name: /hello\.txt/ })).toContainText('Revoked')
  })

  await test.step('trash and back', async () => {
    await page.getByRole('main').getByRole('link', { name: 'hello.txt' }).click()
    await page.getByRole('button', { name: 'More for hello.txt' }).click()
    await page.getByRole('button', { name: 'Move to trash' }).click()
    await expect(page.getByRole('row', { name: /large\.bin/ })).toBeVisible()
    await expect(page.getByRole('row', { name: /hello\.txt/ })).toHaveCount(0)
    await page.getByRole('link', { name: 'Trash' }).click()
    await page.getByRole('button', { name: 'Restore hello.txt' }).click()
    await expect(page.getByRole('heading', { name: 'The trash is empty' })).toBeVisible()
    const files = await partner.call<{ name: string }[]>('GET', '/files')
    expect(files.map(({ name }) => name)).toContain('hello.txt')
  })

  await test.step('the key is forgotten', async () => {
    await page.getByRole('button', { name: 'Forget key' }).click()
    await expect(page.getByRole('heading', { name: 'Open the console' })).toBeVisible()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
  })
})

test('an infected file is told as such and can’t be shared', async ({ page, rawlink }) => {
  await signIn(page, rawlink)
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload' }).first().click()
  await (await chooser).setFiles({ name: 'invoice.com', mimeType: 'application/octet-stream', buffer: eicar })
  const row = page.getByRole('row', { name: /invoice\.com/ })
  await expect(row).toContainText('Infected')
  await expect(row.getByRole('button', { name: 'Share invoice.com' })).toHaveCount(0)
  await row.getByRole('link').click()
  await expect(page.getByText('The scanner found something harmful: Eicar-Test-Signature')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Create link' })).toHaveCount(0)
})

test('a link that asks first is made, and says so', async ({ page, rawlink, partner }) => {
  const [space] = await partner.call<{ id: string }[]>('GET', '/spaces')
  const file = await partner.upload(space?.id ?? '', 'asked.txt', 'text/plain', Buffer.from('asked'))
  await signIn(page, rawlink, `#/files/${file.id}`)
  await page.getByRole('button', { name: 'Create link' }).first().click()
  await page.getByLabel('Ask before it opens').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Create link' }).click()
  await expect(page.getByRole('dialog')).toContainText('any number of times, asks first.')
  expect((await fetch(await page.getByLabel('Raw link').inputValue())).status).toBe(403)
  await page.getByRole('button', { name: 'Watch its downloads' }).click()
  await expect(page.getByRole('row', { name: /View, asks first/ })).toContainText('Active')
})

test('under the machine’s other name, uploads are of another origin and go through', async ({ page, rawlink }) => {
  await signIn(page, { ...rawlink, api: rawlink.api.replace('127.0.0.1', 'localhost') })
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload' }).first().click()
  const sent = page.waitForRequest((request) => request.method() === 'PUT')
  await (await chooser).setFiles({ name: 'across.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(7_000_000, 'parts ') })
  expect(new URL((await sent).url()).origin).toBe(rawlink.api)
  await expect(page.getByRole('row', { name: /across\.bin 7 MB Clean/ })).toBeVisible()
})

test('an upload is cancelled, another one is tried again after the network failed', async ({ page, rawlink, partner, context }) => {
  expectRefusals(page)
  const space = await partner.space('Slow network')
  await signIn(page, rawlink, `#/spaces/${space.id}`)
  await page.route('**/objects/**', () => undefined) // it takes for ever
  const choose = async (name: string) => {
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: 'Upload' }).first().click()
    await (await chooser).setFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(name) })
  }
  await choose('cancelled.txt')
  await page.getByRole('button', { name: 'Cancel cancelled.txt' }).click()
  await expect(page.getByText('Cancelled', { exact: true })).toBeVisible()
  await page.unroute('**/objects/**')
  await expect.poll(async () => (await partner.call<{ bytes_used: number }>('GET', '/quota')).bytes_used).toBeLessThan(25_000_000)

  await page.route('**/objects/**', (route) => route.abort('internetdisconnected'))
  await choose('later.txt')
  await expect(page.getByText(/The object store .* could not be reached/)).toBeVisible({ timeout: 60_000 })
  await page.unroute('**/objects/**')
  await page.getByRole('button', { name: 'Retry later.txt' }).click()
  await expect(page.getByRole('row', { name: /later\.txt 9 B Clean/ })).toBeVisible()
  expect(context.pages()).toHaveLength(1)
})

test('webhooks: made with a secret that is shown once, told of events, deleted', async ({ page, rawlink, partner }) => {
  const { createServer } = await import('node:http')
  const told: string[] = []
  const receiver = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => told.push(chunk.toString()))
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const address = receiver.address()
  if (typeof address !== 'object' || !address) throw new Error('no address')
  const url = `http://127.0.0.1:${address.port}/rawlink`

  expectRefusals(page)
  await signIn(page, rawlink, '#/webhooks')
  await page.getByRole('button', { name: 'New webhook' }).click()
  await page.getByLabel('Where events are sent').fill('http://192.0.2.1/')
  await page.getByRole('button', { name: 'Create webhook' }).click()
  await expect(page.getByRole('alert')).toContainText('Url: ')
  await page.getByLabel('Where events are sent').fill(url)
  await page.getByRole('checkbox', { name: 'file.purged' }).uncheck()
  await page.getByRole('button', { name: 'Create webhook' }).click()
  await expect(page.getByLabel('Signing secret')).toHaveValue(/^whsec_/)
  await page.getByRole('button', { name: 'See its deliveries' }).click()
  await expect(page.getByRole('heading', { name: 'Nothing was sent yet' })).toBeVisible()

  await partner.link('told.txt', 'text/plain', Buffer.from('told'))
  const delivered = page.getByRole('listitem').filter({ hasText: 'share.created' })
  await expect(delivered).toContainText('Delivered')
  expect(told.join('')).toContain('share.created')
  const before = told.length
  await page.getByRole('button', { name: 'Send share.created again' }).click()
  await expect.poll(() => told.length).toBeGreaterThan(before)

  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('button', { name: 'Delete webhook' }).click()
  await expect(page.getByRole('heading', { name: 'No webhooks yet' })).toBeVisible()
  await new Promise((resolve) => receiver.close(resolve))
})

test('names that are markup are only names', async ({ page, rawlink, partner }) => {
  const name = '<img src=x onerror=alert(1)><script>alert(2)<·script>.txt'
  const space = await partner.space(name)
  await partner.upload(space.id, name, 'text/plain', Buffer.from('x'))
  let ran = 0
  page.on('dialog', (dialog) => (ran++, dialog.dismiss()))
  await signIn(page, rawlink, `#/spaces/${space.id}`)
  await expect(page.getByRole('link', { name })).toHaveCount(2)
  expect(await page.locator('img[src=x]').count()).toBe(0)
  expect(ran).toBe(0)
})
