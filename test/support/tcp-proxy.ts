import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface TcpProxy {
  /** The address behind, seen through the proxy. */
  readonly urlOf: (url: string) => string
  /** From now on nothing passes, and nobody is told. */
  blackHole: () => void
  /** Cuts every connection as soon as the client has sent this text, after it was passed on. */
  cutAfter: (text: string) => void
  /**
   * Cuts one connection, the next whose client sends this text: after it was passed on, or instead of passing it on.
   * @returns when it has happened
   */
  cutOnce: (text: string, isPassedOn: boolean) => Promise<void>
  /** Lets everything pass again, on new connections. */
  heal: () => void
  close: () => Promise<void>
}

/** A proxy in front of a server, to break the network between the two. */
export async function startTcpProxy(target: URL): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let mode: { readonly kind: 'pass' | 'black-hole' } | { readonly kind: 'cut'; readonly text: string } = {
    kind: 'pass',
  }
  let once: { readonly text: string; readonly isPassedOn: boolean; readonly done: () => void } | undefined
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        if (mode.kind !== 'black-hole') [client, upstream].forEach((other) => other.destroy())
      })
    }
    client.on('data', (bytes) => {
      if (mode.kind === 'black-hole') return
      if (once && bytes.includes(once.text)) {
        const { isPassedOn, done } = once
        once = undefined
        upstream.removeAllListeners('data')
        if (isPassedOn) upstream.end(bytes, () => client.destroy())
        else client.destroy()
        done()
        return
      }
      upstream.write(bytes, () => {
        if (mode.kind === 'cut' && bytes.includes(mode.text)) client.destroy()
      })
      if (mode.kind === 'cut' && bytes.includes(mode.text)) upstream.removeAllListeners('data')
    })
    upstream.on('data', (bytes) => {
      if (mode.kind !== 'black-hole') client.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    urlOf: (url) => {
      const through = new URL(url)
      through.host = `127.0.0.1:${port}`
      return through.href
    },
    blackHole: () => (mode = { kind: 'black-hole' }),
    cutAfter: (text) => (mode = { kind: 'cut', text }),
    cutOnce: (text, isPassedOn) => new Promise((done) => (once = { text, isPassedOn, done })),
    heal: () => (mode = { kind: 'pass' }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        sockets.forEach((socket) => socket.destroy())
      }),
  }
}
