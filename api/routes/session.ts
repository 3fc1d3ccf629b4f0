import type { ApiSession } from '../../db/stores/api-sessions.js'
import type { ChangeBy } from '../../domain/access/change-by.js'
import { mayDo } from '../../domain/access/roles.js'
import type { Session } from '../../schemas/rest/keys.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { digestOf } from '../access/api-key.js'
import type { Authenticator } from '../access/authenticator.js'
import { createSessionToken, csrfTokenOf, endedCookie, sessionCookie } from '../access/browser-session.js'
import type { Denial } from '../access/denials.js'
import { actorNameOf, type Principal, type Refusal } from '../access/principal.js'
import { ProblemError } from '../problem-error.js'
import { callerOf, changeBy, type Handlers } from './router.js'

export interface SessionDeps {
  readonly authenticator: Pick<Authenticator, 'byKey'>
  readonly sessions: {
    readonly create: (session: ApiSession, by: ChangeBy) => Promise<void>
    readonly end: (digest: Buffer, by: ChangeBy) => Promise<void>
  }
  readonly denials: { readonly add: (denial: Denial) => void }
  /** The answer to a key that was refused; counts it for the address. */
  readonly refuse: (address: string, reason: Refusal) => ProblemError
  readonly sessionSeconds: number
  readonly nowMs: () => number
}

/** `/session`: a browser logs in with a key, and holds a cookie that no script can read. */
export const createSessionHandlers = ({
  authenticator,
  sessions,
  denials,
  refuse,
  sessionSeconds,
  nowMs,
}: SessionDeps): Pick<Handlers<Operations>, 'logIn' | 'getSession' | 'logOut'> => ({
  async logIn({ body }, { requestId, address }) {
    const identified = await authenticator.byKey(body.key)
    if (identified.kind === 'refused') {
      const { reason, keyId = 'unknown' } = identified
      const what = { action: 'POST /session', target: '/session', requestId, before: null, after: { reason } }
      denials.add({ ...what, actor: keyId, actorName: address })
      throw refuse(address, reason)
    }
    const { principal } = identified
    // A collector's key may be in a public page: it must not make rows of log-ins.
    if (!mayDo(principal.role, 'viewer')) throw new ProblemError('FORBIDDEN', 'this key may only send events')
    const token = createSessionToken()
    const session = {
      digest: digestOf(token),
      keyId: principal.keyId,
      expiresTs: new Date(nowMs() + sessionSeconds * 1_000),
    }
    await sessions.create(session, { actor: principal.keyId, actorName: actorNameOf(principal), requestId })
    return {
      status: 201,
      headers: { 'set-cookie': sessionCookie(token, sessionSeconds) },
      body: sessionOf({ ...principal, session: { ...session, token } }),
    }
  },

  getSession: (_input, context) => ({ body: sessionOf(callerOf(context)) }),

  async logOut(_input, context) {
    const { session } = callerOf(context)
    if (session !== undefined) await sessions.end(session.digest, changeBy(context))
    return { body: { status: 'done' }, headers: { 'set-cookie': endedCookie } }
  },
})

const sessionOf = ({ keyId, name, user, role, session }: Principal): Session => ({
  key_id: keyId,
  name,
  user: user === null ? null : { user_id: user.userId, name: user.name },
  role,
  csrf_token: session === undefined ? null : csrfTokenOf(session.token),
  expires_ts: session?.expiresTs.toISOString() ?? null,
})
