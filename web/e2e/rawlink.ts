import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** EICAR's test file, in hex so that no scanner takes this source for it. */
const eicarHex =
  '58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e' +
  '444152442d414e544956495255532d544553542d46494c452124482b482a'
export const eicar = Buffer.from(eicarHex, 'hex')

/** Harmless, until clamd learns it. */
export const learned = 'RAWLINK-E2E-LEARNED-LATER'

export interface Rawlink {
  api: string
  files: string
  key: string
  /** Has clamd find `learned`, and everything scanned again. */
  learn: () => Promise<void>
  stop: () => Promise<void>
}

/** Starts a clamd and a `rawlink up` on free ports, in folders of their own. */
export async function start(): Promise<Rawlink> {
  const dir = mkdtempSync(join(tmpdir(), 'rawlink-e2e-'))
  const clamd = await startClamd(dir)
  try {
    return await startRawlink(dir, clamd)
  } catch (error) {
    await end(clamd.child)
    throw error
  }
}

interface Clamd {
  child: ChildProcess
  socket: string
}

async function startRawlink(dir: string, clamd: Clamd): Promise<Rawlink> {
  const key = 'fck_live_' + Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
  const program = process.env.E2E_PROGRAM ?? '../bin/rawlink'
  const args = [
    'up', '--data', join(dir, 'data'), '--api-addr', '127.0.0.1:0', '--files-addr', '127.0.0.1:0', '--ops-addr', '127.0.0.1:0',
    '--log-level', 'warn', '--clamd-hosts', `unix://${clamd.socket}`, '--upload-multipart-from', '6MiB', '--upload-part-size', '5MiB',
    '--edge-enforce-passwords', '--webhook-allow-http', '--webhook-allow-networks', '127.0.0.1/32', '--limit-requests', '0',
  ] // prettier-ignore
  const child = spawn(program, args, { env: { ...process.env, RAWLINK_DEV_KEY: key }, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const find = (pattern: RegExp) => pattern.exec(said)?.[1]
  const api = await until(child, () => find(/API +(http:\S+)\/api/))
  const files = await until(child, () => find(/Links +(http:\S+)\/s\//))
  await until(child, () => fetch(api + '/openapi.json').then((r) => r.ok || undefined, () => undefined))
  return {
    api,
    files,
    key,
    learn: async () => {
      writeFileSync(join(dir, 'learned.ndb'), `E2E.Learned:0:*:${Buffer.from(learned).toString('hex')}\n`)
      await command('RELOAD', clamd.socket)
      await until(clamd.child, () => finds(learned, clamd.socket))
      const now = new Date(Date.now() + 60_000).toISOString()
      execFileSync(program, ['admin', 'rescan', '--data', join(dir, 'data'), '--before', now, '--wait'], { stdio: 'inherit' })
    },
    stop: async () => {
      await end(child)
      await end(clamd.child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A real clamd that knows one signature: EICAR's. */
async function startClamd(dir: string): Promise<Clamd> {
  const socket = join(dir, 'clamd.sock')
  writeFileSync(join(dir, 'e2e.ndb'), `Eicar-Test-Signature:0:*:${eicarHex}\n`)
  const conf = join(dir, 'clamd.conf')
  writeFileSync(
    conf,
    [`LocalSocket ${socket}`, 'Foreground yes', `DatabaseDirectory ${dir}`, `TemporaryDirectory ${dir}`, 'OfficialDatabaseOnly no', 'StreamMaxLength 64M', 'MaxFileSize 64M', 'MaxScanSize 64M', 'AlertExceedsMax yes', 'SelfCheck 0', ''].join('\n'),
  )
  const child = spawn('clamd', ['--config-file=' + conf], { env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin` }, stdio: 'ignore' })
  await until(child, () => command('PING', socket))
  return { child, socket }
}

/** Sends a command to clamd; undefined if it does not answer. */
function command(name: string, socket: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const connection = createConnection(socket, () => connection.write(`z${name}\0`))
    connection.on('data', () => {
      connection.destroy()
      resolve(true)
    })
    connection.on('error', () => resolve(undefined)).on('close', () => resolve(undefined))
  })
}

/** Has clamd scan a text; undefined if it finds nothing in it, or does not answer. */
function finds(text: string, socket: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(Buffer.byteLength(text))
    let said = ''
    const connection = createConnection(socket, () => connection.write(Buffer.concat([Buffer.from('zINSTREAM\0'), size, Buffer.from(text), Buffer.alloc(4)])))
    connection.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.endsWith('\0')) connection.destroy()
    })
    connection.on('error', () => resolve(undefined)).on('close', () => resolve(said.includes(' FOUND') || undefined))
  })
}

/** Waits until something is there, a minute at most, or the program has ended. */
async function until<T>(child: ChildProcess, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let left = 600; left > 0; left--) {
    const found = await look()
    if (found !== undefined) return found
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${child.spawnfile} did not get ready`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
