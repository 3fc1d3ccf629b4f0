import { Agent, fetch, type Response } from 'undici'
import { PlatformError } from '../platform-error.js'
import { protect } from '../redact.js'
import { explainTls, type TlsMaterial } from '../tls.js'

export type RegistryLogin =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

export interface RegistrySettings {
  /** Base of the Confluent-compatible API: `/subjects` and `/schemas` hang below it. */
  readonly url: string
  readonly timeoutMs: number
  /** For an https URL. @default the authorities that Node trusts, no certificate of our own */
  readonly tls?: TlsMaterial
  /** @default none */
  readonly login?: RegistryLogin
}

export type Compatibility = 'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FULL' | 'FULL_TRANSITIVE' | 'NONE'

/** Speaks the Confluent schema registry protocol, which Apicurio, Karapace and Redpanda speak too. */
export class RegistryClient {
  readonly #settings: RegistrySettings
  readonly #headers: Readonly<Record<string, string>>
  readonly #agent: Agent

  constructor(settings: RegistrySettings) {
    this.#settings = settings
    this.#headers = {
      'content-type': 'application/vnd.schemaregistry.v1+json',
      ...(settings.login === undefined ? {} : { authorization: authorizationOf(settings.login) }),
    }
    this.#agent = new Agent({ connect: { ...settings.tls } })
  }

  /**
   * Registers a schema, or finds it again.
   * @returns its id
   * @throws PlatformError REGISTRY_REFUSED when it does not fit the subject's earlier versions
   */
  async register(subject: string, schemaText: string): Promise<number> {
    const body = { schema: schemaText, schemaType: 'AVRO' }
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    const answer = await this.#ask('POST', path, body)
    if (!isObject(answer) || typeof answer['id'] !== 'number') throw notTheRegistry('POST', path)
    return answer['id']
  }

  async setCompatibility(subject: string, level: Compatibility): Promise<void> {
    await this.#ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level })
  }

  /** @throws PlatformError SCHEMA_UNKNOWN when the registry answers and has no schema of that id */
  async schemaById(id: number): Promise<string> {
    const path = `/schemas/ids/${id}`
    const answer = await this.#ask('GET', path)
    if (!isObject(answer) || typeof answer['schema'] !== 'string') throw notTheRegistry('GET', path)
    return answer['schema']
  }

  /** Under which rule a subject takes new versions. */
  async compatibility(subject: string): Promise<string> {
    const path = `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`
    const answer = await this.#ask('GET', path)
    if (!isObject(answer) || typeof answer['compatibilityLevel'] !== 'string') throw notTheRegistry('GET', path)
    return answer['compatibilityLevel']
  }

  /** The numbers of a subject's versions, oldest first; none for a subject that it does not have. */
  async versions(subject: string): Promise<number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    try {
      const answer = await this.#ask('GET', path)
      if (!Array.isArray(answer)) throw notTheRegistry('GET', path)
      return answer.map(Number)
    } catch (error) {
      if (error instanceof PlatformError && error.code === 'SCHEMA_UNKNOWN') return []
      throw error
    }
  }

  /** The schema of one version of a subject. */
  async schemaOfVersion(subject: string, version: number): Promise<string> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    const answer = await this.#ask('GET', path)
    if (!isObject(answer) || typeof answer['schema'] !== 'string') throw notTheRegistry('GET', path)
    return answer['schema']
  }

  /**
   * Whether a subject would take a schema as its next version, by the subject's rule.
   * @throws PlatformError SCHEMA_UNKNOWN when it does not have the subject, REGISTRY_REFUSED for what is no schema
   */
  async wouldTake(subject: string, schemaText: string): Promise<boolean> {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions`
    const answer = await this.#ask('POST', path, { schema: schemaText, schemaType: 'AVRO' })
    if (!isObject(answer) || typeof answer['is_compatible'] !== 'boolean') throw notTheRegistry('POST', path)
    return answer['is_compatible']
  }

  /** @returns the subjects it knows; also the cheapest question that shows that it is there */
  async subjects(): Promise<string[]> {
    const answer = await this.#ask('GET', '/subjects')
    if (!Array.isArray(answer)) throw notTheRegistry('GET', '/subjects')
    return answer.map(String)
  }

  /** What the server says goes unread: it could repeat what it was sent. */
  #notAllowed(status: number): PlatformError {
    const { login } = this.#settings
    const basic = 'SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD'
    const remedy =
      login === undefined
        ? `set ${basic}, or SCHEMA_REGISTRY_TOKEN`
        : `check ${login.kind === 'basic' ? basic : 'SCHEMA_REGISTRY_TOKEN'}`
    return new PlatformError('REGISTRY_REFUSED', `the schema registry refused the login (${status}): ${remedy}`)
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    let response: Response
    let text: string
    try {
      response = await fetch(`${this.#settings.url.replace(/\/$/, '')}${path}`, {
        method,
        headers: this.#headers,
        dispatcher: this.#agent,
        redirect: 'error', // a login is for this server alone
        signal: AbortSignal.timeout(this.#settings.timeoutMs),
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      text = await response.text()
    } catch (cause) {
      const tls = explainTls(cause, TLS_NAMES)
      const what = `the schema registry did not answer ${method} ${path}`
      throw new PlatformError('REGISTRY_UNAVAILABLE', tls === undefined ? what : `${what}: ${tls}`, { cause })
    }
    if (response.status === 401 || response.status === 403) throw this.#notAllowed(response.status)
    if (isWithoutCertificate(response.status, text))
      throw new PlatformError(
        'REGISTRY_REFUSED',
        `the schema registry requires a client certificate: set ${TLS_NAMES.cert} and ${TLS_NAMES.key}`,
      )
    if (response.status === 404) throw new PlatformError('SCHEMA_UNKNOWN', `the schema registry has no ${path}`)
    if (response.status >= 500)
      throw new PlatformError(
        'REGISTRY_UNAVAILABLE',
        `the schema registry answered ${response.status} to ${method} ${path}`,
      )
    if (!response.ok)
      throw new PlatformError(
        'REGISTRY_REFUSED',
        `the schema registry refused ${method} ${path}: ${text.slice(0, 300)}`,
      )
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw notTheRegistry(method, path, { cause })
    }
  }
}

const TLS_NAMES = {
  address: 'SCHEMA_REGISTRY_URL',
  ca: 'SCHEMA_REGISTRY_TLS_CA',
  cert: 'SCHEMA_REGISTRY_TLS_CERT',
  key: 'SCHEMA_REGISTRY_TLS_KEY',
  tls: 'SCHEMA_REGISTRY_URL',
}

/** How nginx refuses a client without a certificate, or with one that it does not trust. */
const isWithoutCertificate = (status: number, text: string): boolean =>
  status === 400 && /SSL certificate/.test(text.slice(0, 1_000))

function authorizationOf(login: RegistryLogin): string {
  if (login.kind === 'bearer') return `Bearer ${login.token}`
  const encoded = Buffer.from(`${login.username}:${login.password}`).toString('base64')
  protect(encoded)
  return `Basic ${encoded}`
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** A proxy's page, say: the registry itself has not answered. */
const notTheRegistry = (method: string, path: string, options?: ErrorOptions): PlatformError =>
  new PlatformError('REGISTRY_UNAVAILABLE', `what answered ${method} ${path} is no schema registry`, options)
