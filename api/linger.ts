import type { Duplex } from 'node:stream'

/** How long a caller may go on sending what nobody reads, before the connection is cut: so that it sees the answer. */
const LINGER_MS = 1_000

/**
 * Cuts a connection a moment after its answer was written. One that is closed while its caller still sends would take the
 * answer with it.
 * @param isDone whether the caller has sent everything by then, so that the connection may stay
 */
export function cutLater(socket: Duplex, isDone: () => boolean = () => false): void {
  const cut = setTimeout(() => {
    if (!isDone()) socket.destroy()
  }, LINGER_MS)
  socket.once('close', () => clearTimeout(cut))
}
