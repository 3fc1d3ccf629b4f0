import { connect, type Socket } from 'node:net'

/** A connection that asks for little, or for nothing, and how it ended. */
export interface EndedSocket {
  /** All that came back. */
  readonly received: string
  /** From its opening until the server closed it. */
  readonly ms: number
}

/** Thousands that are opened at once do not fit the queue of a listening socket: Linux asks again after 1, 3, 7, 15 and 31 s. */
const CONNECT_DEADLINE_MS = 60_000

/**
 * Opens a connection, sends something, and then a byte at a time for ever.
 * @param drop what is sent each second; nothing when it is empty
 * @returns when the server has closed it
 * @throws Error when it is still open `deadlineMs` after it was opened, or was never opened
 */
export function slowSocket(port: number, first: string, drop: string, deadlineMs: number): Promise<EndedSocket> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    let received = ''
    let drip: NodeJS.Timeout | undefined
    let late = setTimeout(() => socket.destroy(new Error('was never opened')), CONNECT_DEADLINE_MS)
    const socket: Socket = connect(port, '127.0.0.1', () => {
      clearTimeout(late)
      late = setTimeout(() => socket.destroy(new Error(`still open after ${deadlineMs} ms`)), deadlineMs)
      socket.write(first)
      if (drop !== '') drip = setInterval(() => socket.write(drop), 1_000)
    })
    const end = () => {
      clearTimeout(late)
      clearInterval(drip)
    }
    socket.setEncoding('latin1').on('data', (text: string) => (received += text))
    socket.on('end', () => socket.end())
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return // it was closed while we still sent
      end()
      reject(error)
    })
    socket.on('close', () => {
      end()
      resolve({ received, ms: performance.now() - startedAt })
    })
  })
}

/** How long a connection stays open after its answer. */
const ANSWERED_MS = 3_000

/** Status of the first answer in raw text; 0 of none. */
export const statusOf = (received: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0)

/**
 * Sends a head and then bytes until there are enough or the server has had enough.
 * @returns all that came back until the connection was closed
 */
export function sendMany(port: number, head: string, chunk: Buffer, chunks: number): Promise<string> {
  return new Promise((resolve) => {
    let [received, left] = ['', chunks]
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head)
      pump()
    })
    const pump = () => {
      while (left > 0 && socket.writable) {
        left--
        if (!socket.write(chunk)) return
      }
    }
    socket.on('drain', pump)
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text
      if (!/\r\n\r\n/.test(received)) return
      left = 0
      socket.setTimeout(ANSWERED_MS) // a server that waits for the rest has said all that it has to say
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => undefined) // closed while we still sent: what came back says why
    socket.on('close', () => resolve(received))
    socket.setTimeout(40_000, () => socket.destroy())
  })
}
