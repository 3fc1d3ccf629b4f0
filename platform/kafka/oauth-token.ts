import { PlatformError } from '../platform-error.js'
import { protect } from '../redact.js'
import type { OauthSettings } from './connection.js'

const MAX_ANSWER_BYTES = 65_536
/** A token is used for so much of its life: what is left is for the clocks of others. */
const USED_SHARE = 0.8
/** Of a token that does not say how long it lives. */
const LIFE_SECONDS = 60

/**
 * Gives an access token for client credentials, and a new one when the one before has lived for 80 % of its life. Callers
 * that come at once share a request.
 * @param nowMs a monotonic clock
 * @throws PlatformError KAFKA_UNAVAILABLE naming the setting; never what the endpoint said
 */
export function oauthTokens(
  settings: OauthSettings,
  timeoutMs: number,
  nowMs: () => number = () => performance.now(),
): () => Promise<string> {
  let token: { readonly text: string; readonly untilMs: number } | undefined
  let request: Promise<string> | undefined
  const fetchToken = async (): Promise<string> => {
    const { text, lifeSeconds } = await requestToken(settings, timeoutMs)
    token = { text, untilMs: nowMs() + lifeSeconds * 1_000 * USED_SHARE }
    return text
  }
  return () => {
    if (token !== undefined && nowMs() < token.untilMs) return Promise.resolve(token.text)
    return (request ??= fetchToken().finally(() => (request = undefined)))
  }
}

async function requestToken({ tokenUrl, clientId, clientSecret, scope }: OauthSettings, timeoutMs: number) {
  // RFC 6749, section 2.3.1: both are form-encoded before they become a Basic login.
  const login = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')
  protect(login)
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) })
  let status: number
  let text: string
  try {
    const response = await fetch(tokenUrl, {
      method: 'POST',
      redirect: 'error',
      headers: { authorization: `Basic ${login}`, accept: 'application/json' },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    })
    status = response.status
    text = (await response.text()).slice(0, MAX_ANSWER_BYTES)
  } catch (cause) {
    throw new PlatformError('KAFKA_UNAVAILABLE', 'the endpoint in KAFKA_OAUTH_TOKEN_URL did not answer', { cause })
  }
  if (status === 400 || status === 401)
    throw new PlatformError(
      'KAFKA_UNAVAILABLE',
      `the endpoint in KAFKA_OAUTH_TOKEN_URL refused the client (${status}): check KAFKA_OAUTH_CLIENT_ID, KAFKA_OAUTH_CLIENT_SECRET and KAFKA_OAUTH_SCOPE`,
    )
  if (status !== 200)
    throw new PlatformError('KAFKA_UNAVAILABLE', `the endpoint in KAFKA_OAUTH_TOKEN_URL answered ${status}`)
  return tokenIn(text)
}

function tokenIn(text: string): { readonly text: string; readonly lifeSeconds: number } {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error // its message would hold what was read
  }
  const field = (name: string): unknown =>
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined
  const [token, life] = [field('access_token'), Number(field('expires_in') ?? LIFE_SECONDS)]
  if (typeof token !== 'string' || token === '')
    throw new PlatformError('KAFKA_UNAVAILABLE', 'the endpoint in KAFKA_OAUTH_TOKEN_URL gave no access_token')
  protect(token)
  return { text: token, lifeSeconds: Number.isFinite(life) && life > 0 ? life : LIFE_SECONDS }
}
