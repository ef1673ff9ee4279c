import { deflateSync } from 'node:zlib'
import type { Page } from '@playwright/test'
import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Output, WebMOutputFormat } from 'mediabunny'

/** A picture of one colour, as PNG (its specification, §5 and §11). */
export function png(width: number, height: number, [r, g, b]: [number, number, number]): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const out = Buffer.alloc(8)
    out.writeUInt32BE(data.length)
    out.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([out.subarray(0, 4), body, out.subarray(4)])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8) // 8 bits, RGB
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from([r, g, b]))])
  const rows = Buffer.concat(Array.from({ length: height }, () => row))
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

/** A page filled with one colour, as PDF (ISO 32000, §7.5). */
export function pdf([r, g, b]: [number, number, number]): Buffer {
  const draw = `${r / 255} ${g / 255} ${b / 255} rg 0 0 400 400 re f`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 400] /Contents 4 0 R /Resources << >> >>',
    `<< /Length ${draw.length} >>\nstream\n${draw}\nendstream`,
  ]
  let out = '%PDF-1.4\n'
  const places = objects.map((object, i) => {
    const at = out.length
    out += `${i + 1} 0 obj\n${object}\nendobj\n`
    return at
  })
  const table = out.length
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`
  for (const at of places) out += `${String(at).padStart(10, '0')} 00000 n \n`
  out += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`
  return Buffer.from(out)
}

const framesPerSecond = 5

/**
 * A film as WebM that shows which second it is: in five bits, white for one, the
 * lowest first. It is encoded by the browser, with noise so that its bytes are not
 * few.
 */
export async function film(page: Page, seconds: number): Promise<Buffer> {
  const frames = await page.evaluate(encodeFilm, { seconds, framesPerSecond })
  const target = new BufferTarget()
  const output = new Output({ format: new WebMOutputFormat(), target })
  const source = new EncodedVideoPacketSource('vp8')
  output.addVideoTrack(source, { frameRate: framesPerSecond })
  await output.start()
  const config = { decoderConfig: { codec: 'vp8', codedWidth: 320, codedHeight: 240 } }
  for (const [i, frame] of frames.entries()) {
    const packet = new EncodedPacket(Buffer.from(frame.data, 'base64'), frame.key ? 'key' : 'delta', i / framesPerSecond, 1 / framesPerSecond)
    await source.add(packet, config)
  }
  await output.finalize()
  if (!target.buffer) throw new Error('no film was made')
  return Buffer.from(target.buffer)
}

async function encodeFilm({ seconds, framesPerSecond }: { seconds: number; framesPerSecond: number }) {
  const frames: { data: string; key: boolean }[] = []
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const bytes = new Uint8Array(chunk.byteLength)
      chunk.copyTo(bytes)
      let text = ''
      for (const byte of bytes) text += String.fromCharCode(byte)
      frames.push({ data: btoa(text), key: chunk.type === 'key' })
    },
    error: (error) => {
      throw error
    },
  })
  encoder.configure({ codec: 'vp8', width: 320, height: 240, bitrate: 4_000_000, framerate: framesPerSecond })
  const canvas = new OffscreenCanvas(320, 240)
  const draw = canvas.getContext('2d')
  if (!draw) throw new Error('no canvas')
  for (let i = 0; i < seconds * framesPerSecond; i++) {
    const second = Math.floor(i / framesPerSecond)
    for (let bit = 0; bit < 5; bit++) {
      draw.fillStyle = (second >> bit) & 1 ? 'white' : 'black'
      draw.fillRect(64 * bit, 0, 64, 120)
    }
    const noise = draw.createImageData(320, 120) // the lower half
    for (let at = 0; at < noise.data.length; at++) noise.data[at] = at % 4 === 3 ? 255 : Math.random() * 255
    draw.putImageData(noise, 0, 120)
    const frame = new VideoFrame(canvas, { timestamp: (i * 1e6) / framesPerSecond })
    encoder.encode(frame, { keyFrame: i % framesPerSecond === 0 })
    frame.close()
  }
  await encoder.flush()
  return frames
}

/** Script that tells a listener that it ran, in every way that a page has. */
export function attack(beacon: string): { html: Buffer; svg: Buffer } {
  const script = `fetch('${beacon}/fetch',{mode:'no-cors'});new Image().src='${beacon}/image';navigator.sendBeacon('${beacon}/beacon')`
  const html = `<!doctype html><title>x</title><body onload="${script}"><script>${script}</script><script src="${beacon}/script"></script>
<img src=x onerror="${script}"><iframe srcdoc="<script>${script}</script>"></iframe><meta http-equiv="refresh" content="0;url=${beacon}/refresh"></body>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200" onload="${script}"><script>${script}</script>
<foreignObject width="100" height="100"><body xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="${script}"/></body></foreignObject>
<image href="${beacon}/href" width="10" height="10"/></svg>`
  return { html: Buffer.from(html), svg: Buffer.from(svg.replaceAll('&', '&amp;')) }
}
