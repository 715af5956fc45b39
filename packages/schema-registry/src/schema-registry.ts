// A client of a schema registry (Confluent's HTTP interface, which others serve too), as far as
// serializers need it: the id of a schema, the latest schema of a subject, references. Calls that
// may pass are tried again, at the next address where there are several.

import { setTimeout as sleep } from 'node:timers/promises'
import { RegistryError } from './registry-error.ts'

/** The formats of schemas, by the registry's names. */
export type SchemaType = 'AVRO' | 'JSON' | 'PROTOBUF'

/** Another schema that a schema imports. */
export interface SchemaReference {
  /** The name under which the schema imports it. */
  readonly name: string
  /** The subject that it is registered under. */
  readonly subject: string
  /** Its version there, from 1 on. */
  readonly version: number
}

/** A schema as the registry has it. */
export interface RegisteredSchema {
  /** Its number, which every record carries. */
  readonly id: number
  /** The text of the schema. */
  readonly schema: string
  /** Its format. */
  readonly schemaType: SchemaType
  /** The schemas that it imports. */
  readonly references: readonly SchemaReference[]
}

/** A schema as it is asked for, or registered. */
export interface SchemaInput {
  /** The text of the schema. */
  readonly schema: string
  /** Its format. */
  readonly schemaType: SchemaType
  /** The schemas that it imports; none by default. */
  readonly references?: readonly SchemaReference[] | undefined
}

/** Where a registry is, and how it is asked. */
export interface SchemaRegistryOptions {
  /** `'http://localhost:8081'`, or several of the same registry. */
  readonly url: string | readonly string[]
  /** Name and password, or a bearer token. */
  readonly auth?:
    | { readonly username: string; readonly password: string }
    | { readonly token: string }
    | undefined
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** How long one request may take; 10 seconds by default. */
  readonly requestTimeoutMs?: number | undefined
  /** How often a request that may pass is sent again; 3 times by default. */
  readonly retries?: number | undefined
  /** Pause before the first retry; doubles. 100 by default. */
  readonly retryBackoffMs?: number | undefined
}

const contentType = 'application/vnd.schemaregistry.v1+json'

const authorization = (auth: SchemaRegistryOptions['auth']): Record<string, string> => {
  if (auth === undefined) return {}
  if ('token' in auth) return { authorization: `Bearer ${auth.token}` }
  const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64')
  return { authorization: `Basic ${pair}` }
}

/**
 * One registry, shared by all serializers that use it.
 *
 * @example
 * const registry = new SchemaRegistry({ url: 'http://localhost:8081' })
 */
export class SchemaRegistry {
  readonly #urls: readonly string[]
  readonly #headers: Readonly<Record<string, string>>
  readonly #requestTimeoutMs: number
  readonly #retries: number
  readonly #retryBackoffMs: number

  /** Throws TypeError where `url` is none. Asks nobody yet. */
  constructor(options: SchemaRegistryOptions) {
    const { url, auth, headers } = options
    this.#urls = (typeof url === 'string' ? [url] : url).map((one) => one.replace(/\/+$/, ''))
    if (this.#urls.length === 0 || !this.#urls.every((one) => URL.canParse(one))) {
      throw new TypeError(`url is ${String(url)}: expected 'http://host:port', or several`)
    }
    this.#headers = { accept: contentType, ...authorization(auth), ...headers }
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000
    this.#retries = options.retries ?? 3
    this.#retryBackoffMs = options.retryBackoffMs ?? 100
  }

  /** Registers a schema under a subject, where it is not yet; answers its id. */
  async register(subject: string, input: SchemaInput): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`
    return idOf(path, await this.#request('POST', path, bodyOf(input)))
  }

  /** The id of a schema that is registered under a subject. */
  async lookUp(subject: string, input: SchemaInput): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}`
    return idOf(path, await this.#request('POST', path, bodyOf(input)))
  }

  /** A version of a subject's schema. */
  async version(subject: string, version: number | 'latest'): Promise<RegisteredSchema> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`
    const answer = await this.#request('GET', path)
    const { schema, schemaType = 'AVRO', references = [] } = answer as Partial<RegisteredSchema>
    if (typeof schema !== 'string') throw strange(path)
    return { id: idOf(path, answer), schema, schemaType, references }
  }

  /** What a schema imports, imports of imports first, each once. */
  async resolve(references: readonly SchemaReference[]): Promise<[name: string, text: string][]> {
    const found = new Map<string, string>()
    const visit = async (list: readonly SchemaReference[]): Promise<void> => {
      for (const { name, subject, version } of list) {
        if (found.has(name)) continue
        const referenced = await this.version(subject, version)
        await visit(referenced.references)
        found.set(name, referenced.schema)
      }
    }
    await visit(references)
    return [...found]
  }

  async #request(method: string, path: string, body?: string): Promise<object> {
    for (let attempt = 0; ; attempt++) {
      const url = this.#urls[attempt % this.#urls.length]!
      try {
        return await this.#requestOnce(method, url, path, body)
      } catch (error) {
        const mayPass = error instanceof RegistryError && error.retriable
        if (!mayPass || attempt >= this.#retries) throw error
        await sleep(this.#retryBackoffMs * 2 ** attempt)
      }
    }
  }

  async #requestOnce(
    method: string,
    url: string,
    path: string,
    body: string | undefined,
  ): Promise<object> {
    let status = 0
    try {
      const signal = AbortSignal.timeout(this.#requestTimeoutMs)
      const headers = {
        ...this.#headers,
        ...(body !== undefined && { 'content-type': contentType }),
      }
      const response = await fetch(url + path, { method, headers, signal, body: body ?? null })
      status = response.status
      const answer: unknown = await response.json()
      if (typeof answer !== 'object' || answer === null) throw strange(path)
      if (response.ok) return answer
      throw refused(`${method} ${url}${path}`, status, answer)
    } catch (cause) {
      if (cause instanceof RegistryError) throw cause
      const words = cause instanceof Error ? (causeOf(cause) ?? cause.message) : String(cause)
      const message = `the schema registry ${url} did not answer ${method} ${path}: ${words}`
      throw new RegistryError(message, { status, code: undefined }, cause)
    }
  }
}

/** fetch hides the reason one level down. */
const causeOf = ({ cause }: Error): string | undefined =>
  cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : undefined

const bodyOf = ({ schema, schemaType, references = [] }: SchemaInput): string =>
  JSON.stringify({ schema, schemaType, references })

const strange = (path: string): RegistryError =>
  new RegistryError(`the schema registry's answer to ${path} is none of its own`, {
    status: 200,
    code: undefined,
  })

const refused = (request: string, status: number, answer: object): RegistryError => {
  const { error_code: code, message } = answer as { error_code?: number; message?: string }
  return new RegistryError(`${request}: ${status} ${message ?? 'refused'}`, { status, code })
}

const idOf = (path: string, answer: object): number => {
  const { id } = answer as { id?: unknown }
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 31) return id
  throw strange(path)
}
