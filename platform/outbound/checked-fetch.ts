import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { isPublicAddress } from './public-address.js'

/** A request that is not made, because of where it would go. The message names no address and no URL. */
export class OutboundRefusedError extends Error {
  override readonly name = 'OutboundRefusedError'
  readonly code = 'OUTBOUND_REFUSED'
}

type LookupCallback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void
type Resolve = (host: string, options: LookupOptions & { all: true }, callback: LookupCallback) => void

export interface CheckedFetchSettings {
  /** `host:port` that may be called wherever it is: a receiver on this machine or in this network. */
  readonly allowedHosts: readonly string[]
  /** For the whole request, from the look-up to the last byte that is read. */
  readonly timeoutMs: number
  /** Of the answer; the rest is not read. */
  readonly maxAnswerBytes: number
  /** @default the system's */
  readonly resolve?: Resolve
  /** @default whether it is on the public Internet */
  readonly isAllowed?: (address: string) => boolean
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/**
 * A `fetch` for addresses that somebody has configured: it goes to public addresses only. The name is looked up once, every
 * address that it has is checked, and the connection is made to one that was: a name that changes its mind in between
 * changes nothing. Redirects are not followed, time and bytes are bounded.
 * @throws OutboundRefusedError; what connecting throws
 */
export const createCheckedFetch =
  (settings: CheckedFetchSettings) =>
  async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input)
    const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : url.port
    if (port === undefined) throw new OutboundRefusedError('neither http nor https')
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const { allowedHosts, isAllowed = isPublicAddress } = settings
    const may = allowedHosts.includes(`${host}:${port}`) ? () => true : isAllowed
    // A literal address is connected to without a look-up. `URL` has made dotted IPv4 of its octal and decimal forms.
    if (isIP(host) !== 0 && !may(host)) throw new OutboundRefusedError('the address is not public')
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    const signal = AbortSignal.timeout(settings.timeoutMs)
    const sent = request(url, {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      agent: false,
      signal,
      lookup: (name, options, callback) =>
        checkedLookup(name, options, settings.resolve ?? systemLookup, may, callback),
    })
    return answerOf(sent, typeof init.body === 'string' ? init.body : '', settings.maxAnswerBytes)
  }

type ConnectCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

function checkedLookup(
  name: string,
  options: LookupOptions,
  resolve: Resolve,
  may: (address: string) => boolean,
  callback: ConnectCallback,
): void {
  resolve(name, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses as LookupAddress[] | [undefined]
    if (error !== null) callback(error, [])
    else if (first === undefined || !addresses.every(({ address }) => may(address)))
      callback(new OutboundRefusedError('the name has an address that is not public'), [])
    else if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}

function answerOf(sent: ClientRequest, body: string, maxBytes: number): Promise<Response> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject)
    sent.on('response', (answer: IncomingMessage) => {
      const chunks: Buffer[] = []
      let bytes = 0
      const finish = () => {
        const { statusCode = 502, headers } = answer
        const retryAfter = headers['retry-after']
        const text = Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8')
        const hasBody = ![204, 205, 304].includes(statusCode)
        resolve(
          new Response(hasBody ? text : null, {
            status: statusCode,
            headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
          }),
        )
        sent.destroy()
      }
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        bytes += chunk.length
        if (bytes >= maxBytes) finish()
      })
      answer.on('end', finish)
      answer.on('error', reject)
    })
    sent.end(body)
  })
}
