import type { Page } from '@playwright/test'

/** The colour in the middle of what a page shows. */
export async function middle(page: Page): Promise<[number, number, number]> {
  const picture = (await page.screenshot()).toString('base64')
  const judge = await page.context().newPage()
  const colour = await judge.evaluate(async (picture) => {
    const bytes = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0))
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const draw = new OffscreenCanvas(image.width, image.height).getContext('2d')
    if (!draw) throw new Error('no canvas')
    draw.drawImage(image, 0, 0)
    const [r = 0, g = 0, b = 0] = draw.getImageData(image.width / 2, image.height / 2, 1, 1).data
    return [r, g, b] as [number, number, number]
  }, picture)
  await judge.close()
  return colour
}

/** Whether two colours are one, but for compression. */
export function alike(a: readonly number[], b: readonly number[], by = 12): boolean {
  return a.every((value, i) => Math.abs(value - (b[i] ?? 0)) <= by)
}
