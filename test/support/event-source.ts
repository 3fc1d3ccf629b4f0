import { request, type IncomingMessage } from 'node:http'

/** An event of a stream, as it came. */
export interface StreamEvent {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: string
}

/** Reads a stream of server-sent events, as a browser does. */
export class EventSource {
  readonly events: StreamEvent[] = []
  readonly ended: Promise<void>
  lastEventId: string | undefined
  heartbeats = 0
  readonly #response: IncomingMessage
  #rest = ''

  private constructor(response: IncomingMessage) {
    this.#response = response
    response.setEncoding('utf8')
    response.on('data', (text: string) => this.#take(text))
    response.on('error', () => undefined)
    this.ended = new Promise((resolve) => response.once('close', resolve))
  }

  /** @throws with status and body when the answer is no stream */
  static open(url: string, headers: Record<string, string>): Promise<EventSource> {
    return new Promise((resolve, reject) => {
      const asked = request(url, { headers: { ...headers, accept: 'text/event-stream' } }, (response) => {
        if (response.statusCode === 200) resolve(new EventSource(response))
        else {
          let body = ''
          response.on('data', (part: Buffer) => (body += part.toString()))
          response.once('end', () => reject(new Error(`${String(response.statusCode)} ${body}`)))
        }
      })
      asked.once('error', reject)
      asked.end()
    })
  }

  /** The data of all events of a name. */
  dataOf<T>(name: string): T[] {
    return this.events.filter(({ event }) => event === name).map(({ data }) => JSON.parse(data) as T)
  }

  /** Takes nothing any more; the connection stays. */
  pause(): void {
    this.#response.pause()
  }

  close(): void {
    this.#response.destroy()
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) this.#dispatch(block.split('\n'))
  }

  #dispatch(lines: readonly string[]): void {
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    if (lines.some((line) => line.startsWith(':'))) this.heartbeats += 1
    const id = field('id')
    if (id !== undefined) this.lastEventId = id
    const data = field('data')
    if (data !== undefined) this.events.push({ id, event: field('event'), data })
  }
}
