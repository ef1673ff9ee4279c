import { type Server, createServer as createHTTP } from 'node:http'
import { type AddressInfo, type Server as NetServer, type Socket, connect, createServer } from 'node:net'

/** A page of somebody else's, that embeds links; and a listener for scripts that ran. */
export interface Site {
  url: string
  /** What was asked for, since the last page was set. */
  hits: string[]
  show: (html: string) => string
  close: () => void
}

export async function openSite(): Promise<Site> {
  const pages = new Map<string, string>()
  const hits: string[] = []
  const server = createHTTP((request, response) => {
    const page = pages.get(request.url ?? '')
    if (page === undefined) hits.push(request.url ?? '')
    response.setHeader('Content-Type', 'text/html')
    response.end(page ?? '')
  })
  const url = await listen(server)
  return {
    url,
    hits,
    show: (html) => {
      const path = `/page-${pages.size}`
      pages.set(path, `<!doctype html><link rel="icon" href="data:,">${html}`)
      return url + path
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A network that breaks: it cuts its first connections after so many bytes. */
export interface Cutter {
  url: string
  cuts: () => number
  close: () => void
}

export async function openCutter(target: string, after: number, times: number): Promise<Cutter> {
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    let passed = 0
    open.add(client)
    upstream.on('data', (chunk) => {
      passed += chunk.length
      if (passed > after && cuts < times) {
        cuts++
        client.write(chunk.subarray(0, 1000))
        setTimeout(() => client.resetAndDestroy(), 500) // a reset takes with it what was not yet read
        upstream.destroy()
        return
      }
      if (!client.write(chunk)) {
        upstream.pause()
        client.once('drain', () => upstream.resume())
      }
    })
    client.pipe(upstream)
    const end = () => {
      open.delete(client)
      client.destroy()
      upstream.destroy()
    }
    client.on('error', end).on('close', end)
    upstream.on('error', end).on('end', () => client.end())
  })
  const url = await listen(server)
  return {
    url,
    cuts: () => cuts,
    close: () => {
      for (const one of open) one.destroy()
      server.close()
    },
  }
}

async function listen(server: Server | NetServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
