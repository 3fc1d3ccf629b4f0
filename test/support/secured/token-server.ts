import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An OAuth endpoint that gives tokens for client credentials: without a signature, as Kafka's own module takes them. */
export interface TokenServer {
  readonly url: string
  /** How many tokens it has given. */
  given(): number
  stop(): Promise<void>
}

/** @param secret of the client `guardian` */
export async function startTokenServer(secret: string): Promise<TokenServer> {
  let given = 0
  const login = `Basic ${Buffer.from(`guardian:${secret}`).toString('base64')}`
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const form = new URLSearchParams(body)
      const isOurs = request.headers.authorization === login && form.get('grant_type') === 'client_credentials'
      if (!isOurs) {
        // An endpoint may repeat what it was sent.
        response.writeHead(401).end(JSON.stringify({ error: 'invalid_client', sent: request.headers.authorization }))
        return
      }
      given += 1
      const answer = { access_token: tokenOf(form.get('scope') ?? ''), token_type: 'Bearer', expires_in: 600 }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    given: () => given,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}

/** RFC 7519, section 6: a token that is not secured. */
function tokenOf(scope: string): string {
  const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
  const now = Math.floor(Date.now() / 1_000)
  return `${part({ alg: 'none' })}.${part({ sub: 'guardian', iat: now, exp: now + 600, scope: scope.split(' ') })}.`
}
