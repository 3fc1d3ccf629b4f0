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
    const { id } = await this.#ask<{ id: number }>('POST', `/subjects/${encodeURIComponent(subject)}/versions`, body)
    return id
  }

  async setCompatibility(subject: string, level: Compatibility): Promise<void> {
    await this.#ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level })
  }

  /** @throws PlatformError SCHEMA_UNKNOWN when the registry answers and has no schema of that id */
  async schemaById(id: number): Promise<string> {
    const { schema } = await this.#ask<{ schema: string }>('GET', `/schemas/ids/${id}`)
    return schema
  }

  /** @returns the subjects it knows; also the cheapest question that shows that it is there */
  subjects(): Promise<string[]> {
    return this.#ask<string[]>('GET', '/subjects')
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
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
    return JSON.parse(text) as T
  }
}
