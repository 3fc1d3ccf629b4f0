import { PlatformError } from '../platform-error.js'

export interface RegistrySettings {
  /** Base of the Confluent-compatible API: `/subjects` and `/schemas` hang below it. */
  readonly url: string
  readonly timeoutMs: number
}

export type Compatibility = 'BACKWARD' | 'BACKWARD_TRANSITIVE' | 'FULL' | 'FULL_TRANSITIVE' | 'NONE'

/** Speaks the Confluent schema registry protocol, which Apicurio, Karapace and Redpanda speak too. */
export class RegistryClient {
  readonly #settings: RegistrySettings

  constructor(settings: RegistrySettings) {
    this.#settings = settings
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

  /** @returns the subjects it knows; also the cheapest question that shows that it is there */
  async subjects(): Promise<string[]> {
    const answer = await this.#ask('GET', '/subjects')
    if (!Array.isArray(answer)) throw notTheRegistry('GET', '/subjects')
    return answer.map(String)
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    let response: Response
    let text: string
    try {
      response = await fetch(`${this.#settings.url.replace(/\/$/, '')}${path}`, {
        method,
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        signal: AbortSignal.timeout(this.#settings.timeoutMs),
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      text = await response.text()
    } catch (cause) {
      throw new PlatformError('REGISTRY_UNAVAILABLE', `the schema registry did not answer ${method} ${path}`, { cause })
    }
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

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** A proxy's page, say: the registry itself has not answered. */
const notTheRegistry = (method: string, path: string, options?: ErrorOptions): PlatformError =>
  new PlatformError('REGISTRY_UNAVAILABLE', `what answered ${method} ${path} is no schema registry`, options)
