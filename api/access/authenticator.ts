import { roleInCommon, type Role } from '../../domain/access/roles.js'
import { digestOf, isKeyShaped, keyIdOf, sameDigest } from './api-key.js'
import type { Identified, Principal, Refusal } from './principal.js'

/** A stored key, as far as letting its holder in needs it. */
export interface StoredKey {
  readonly keyId: string
  readonly name: string
  readonly role: Role
  readonly digest: Buffer
  readonly requestsPerMinute: number | null
  readonly expiresTs: Date | null
  readonly revokedTs: Date | null
  /** Null, as what follows, for a key without a user. */
  readonly userId: string | null
  readonly userName: string | null
  readonly userRole: Role | null
  readonly userDisabledTs: Date | null
}

export interface AuthenticatorDeps {
  readonly findKey: (keyId: string) => Promise<StoredKey | undefined>
  readonly findSession: (
    digest: Buffer,
  ) => Promise<{ readonly keyId: string; readonly expiresTs: Date; readonly digest: Buffer } | undefined>
  /** The wall clock, for the end of a key. */
  readonly nowMs: () => number
  /** For how long it is kept. */
  readonly monotonicMs: () => number
  /** How long a key that was found is not looked up again: so long another process may let a revoked one in. */
  readonly keptMs: number
  /** How many keys are remembered at once. */
  readonly maxKept: number
}

interface Kept {
  readonly key: StoredKey
  readonly untilMs: number
}

/** Finds out who holds a key or a log-in. While the database does not answer nobody is let in. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps
  readonly #kept = new Map<string, Kept>()
  readonly #loading = new Map<string, Promise<StoredKey | undefined>>()

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps
  }

  /** @param given the text of the key @throws GRD_STORE_* when it cannot be looked up */
  async byKey(given: string): Promise<Identified> {
    if (!isKeyShaped(given)) return { kind: 'refused', reason: 'malformed' }
    const digest = digestOf(given)
    const keyId = keyIdOf(digest)
    const key = await this.#find(keyId)
    if (key === undefined || !sameDigest(key.digest, digest)) return { kind: 'refused', reason: 'unknown' }
    return this.#judge(key)
  }

  /** @param token of a browser's cookie @throws GRD_STORE_* when it cannot be looked up */
  async bySession(token: string): Promise<Identified> {
    if (!isKeyShaped(token)) return { kind: 'refused', reason: 'malformed' }
    const digest = digestOf(token)
    const session = await this.#deps.findSession(digest)
    if (session === undefined || !sameDigest(session.digest, digest)) return { kind: 'refused', reason: 'unknown' }
    const key = await this.#find(session.keyId)
    if (key === undefined) return { kind: 'refused', reason: 'unknown' }
    return this.#judge(key, { digest, token, expiresTs: session.expiresTs })
  }

  /** How many keys are remembered. */
  get kept(): number {
    return this.#kept.size
  }

  /** Forgets a key at once, after it was revoked or changed. */
  forget(keyId: string): void {
    this.#kept.delete(keyId)
    this.#loading.delete(keyId)
  }

  /** Forgets all keys of a user at once, after they were changed. */
  forgetUser(userId: string): void {
    for (const [keyId, { key }] of this.#kept) if (key.userId === userId) this.#kept.delete(keyId)
    this.#loading.clear() // whose they are is not known yet: what they find is not kept
  }

  #judge(key: StoredKey, session?: Principal['session']): Identified {
    const refused = (reason: Refusal): Identified => ({ kind: 'refused', reason, keyId: key.keyId })
    if (key.revokedTs !== null) return refused('revoked')
    if (key.expiresTs !== null && key.expiresTs.getTime() <= this.#deps.nowMs()) return refused('expired')
    if (key.userDisabledTs !== null) return refused('user_disabled')
    const { keyId, name, requestsPerMinute, userId, userName, userRole } = key
    const role = userRole === null ? key.role : roleInCommon(key.role, userRole)
    if (role === undefined) return refused('no_common_role')
    const user = userId === null ? null : { userId, name: userName ?? name }
    const principal = { keyId, name, user, role, requestsPerMinute, ...(session === undefined ? {} : { session }) }
    return { kind: 'known', principal }
  }

  async #find(keyId: string): Promise<StoredKey | undefined> {
    const kept = this.#kept.get(keyId)
    if (kept !== undefined && this.#deps.monotonicMs() < kept.untilMs) return kept.key
    this.#kept.delete(keyId)
    const loading = this.#loading.get(keyId) ?? this.#load(keyId)
    return loading
  }

  /** Callers that come while a key is looked up wait for the same answer. One that is not there is not remembered. */
  #load(keyId: string): Promise<StoredKey | undefined> {
    const loading = this.#deps.findKey(keyId).then((key) => {
      if (key !== undefined && this.#loading.get(keyId) === loading) this.#keep(key)
      return key
    })
    this.#loading.set(keyId, loading)
    const done = () => {
      if (this.#loading.get(keyId) === loading) this.#loading.delete(keyId)
    }
    loading.then(done, done)
    return loading
  }

  #keep(key: StoredKey): void {
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#deps.maxKept) break
      this.#kept.delete(oldest)
    }
    this.#kept.set(key.keyId, { key, untilMs: this.#deps.monotonicMs() + this.#deps.keptMs })
  }
}
