// Sends requests to a registry with one or more addresses: first to the address that responded
// last, then to the others, then to all again after a pause. It returns the parsed response, or
// throws a RegistryError. Error messages must not contain a secret. Caller: schema-registry.ts.

import { setTimeout as pause } from 'node:timers/promises'
import { printableText, withoutCredentials } from 'millrace'
import { RegistryError } from './registry-error.ts'
import { type HttpResponse, type HttpSend, httpSender } from './registry-http.ts'
import { type Login, LoginFailure, loginOf } from './registry-login.ts'
import {
  addressesOf,
  checkAuth,
  checkNames,
  headersOf,
  limitOf,
  type RegistryAddress,
  type SchemaRegistryOptions,
} from './registry-options.ts'
import { messageOf, redacted } from './registry-text.ts'

const contentType = 'application/vnd.schemaregistry.v1+json'
const backoffMsMax = 10_000
/** The characters of a message that are searched for secrets; far fewer are shown. */
const searchedMax = 256 * 1024
const timeoutBounds = [10_000, 1, 600_000] as const
const retriesBounds = [3, 0, 1000] as const
const backoffBounds = [100, 0, backoffMsMax] as const

export class RegistryRequests {
  readonly #addresses: readonly RegistryAddress[]
  readonly #options: SchemaRegistryOptions
  readonly #send: HttpSend
  readonly #login: Login
  readonly #retries: number
  readonly #retryBackoffMs: number
  /** The address that responded last. */
  #current = 0

  constructor(options: SchemaRegistryOptions) {
    checkNames(options)
    this.#addresses = addressesOf(options)
    checkAuth(options.auth)
    this.#options = options
    const requestTimeoutMs = limitOf('requestTimeoutMs', options.requestTimeoutMs, timeoutBounds)
    this.#retries = limitOf('retries', options.retries, retriesBounds)
    this.#retryBackoffMs = limitOf('retryBackoffMs', options.retryBackoffMs, backoffBounds)
    this.#send = httpSender(options, requestTimeoutMs)
    this.#login = loginOf(options.auth, this.#addresses, this.#send, requestTimeoutMs)
  }

  /** Rejects with a RegistryError. */
  async request(method: string, path: string, body?: string): Promise<object> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#tryEach(method, path, body)
      } catch (error) {
        const isWorthRetrying = error instanceof RegistryError && error.retriable
        if (!isWorthRetrying || attempt >= this.#retries) throw error
        await pause(pauseMs(this.#retryBackoffMs * 2 ** attempt, retryAfter.get(error)))
      }
    }
  }

  async #tryEach(method: string, path: string, body: string | undefined): Promise<object> {
    const first = this.#current
    const count = this.#addresses.length
    for (let offset = 0; ; offset++) {
      const index = (first + offset) % count
      try {
        const response = await this.#requestAt(this.#addresses[index]!, method, path, body)
        this.#current = index
        return response
      } catch (error) {
        const isWorthRetrying = error instanceof RegistryError && error.retriable
        if (!isWorthRetrying || offset + 1 >= count) throw error
      }
    }
  }

  async #requestAt(
    address: RegistryAddress,
    method: string,
    path: string,
    body: string | undefined,
  ): Promise<object> {
    const url = address.base + path
    for (let isRenewed = false; ; isRenewed = true) {
      const authorization = await this.#authorization(address)
      const headers = {
        accept: contentType,
        ...headersOf(this.#options),
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && { 'content-type': contentType }),
      }
      const failure = (message: string, status: number, code?: number, cause?: unknown) =>
        new RegistryError(this.#shown(message, authorization), { status, code }, cause)
      let response: HttpResponse
      try {
        response = await this.#send({ method, url, headers, body })
      } catch (cause) {
        const reason = reasonOf(cause)
        const message = `schema registry ${address.base} did not respond to ${method} ${path}: `
        throw failure(message + reason, 0, undefined, cause)
      }
      if (response.status === 401 && !isRenewed && this.#login.renew()) continue
      const parsed = objectOf(response.text)
      const isOk = response.status >= 200 && response.status < 300
      if (isOk && parsed !== null) return parsed
      const [message, code] = rejectionOf(response, parsed)
      const error = failure(`${method} ${url}: ${message}`, response.status, code)
      retryAfter.set(error, response.headers['retry-after'] ?? '')
      throw error
    }
  }

  async #authorization(address: RegistryAddress): Promise<string | undefined> {
    try {
      return await this.#login.authorization(address)
    } catch (error) {
      if (!(error instanceof LoginFailure)) throw error
      const { message, status } = error
      throw new RegistryError(this.#shown(message, undefined), { status, code: undefined })
    }
  }

  #shown(message: string, authorization: string | undefined): string {
    const headers = Object.values(this.#options.headers ?? {})
    const secrets = [authorization ?? '', ...headers].flatMap(secretsInHeader)
    const text = message.slice(0, searchedMax)
    return printableText(redacted(text, [...this.#login.secrets, ...secrets]))
  }
}

/** The value, the part after `Basic` or `Bearer`, and the password in it. */
const secretsInHeader = (value: string): string[] => {
  const [scheme = '', credentials = ''] = value.split(' ')
  if (scheme.toLowerCase() !== 'basic') return [value, credentials]
  const pair = Buffer.from(credentials, 'base64').toString()
  return [value, credentials, pair, pair.slice(pair.indexOf(':') + 1)]
}

/** The Retry-After headers of responses. */
const retryAfter = new WeakMap<RegistryError, string>()

/** The pause before the next attempt: at least the time in the header, in seconds or as a date. */
export const pauseMs = (backoffMs: number, header = '', now = Date.now()): number => {
  const requestedMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Math.min(Math.max(backoffMs, requestedMs || 0), backoffMsMax)
}

const reasonOf = (cause: unknown): string => {
  // Happy Eyeballs: there is one error per address of the host, and the message of the whole is
  // empty.
  const { errors } = cause as { errors?: unknown }
  const first: unknown = Array.isArray(errors) ? errors[0] : cause
  return messageOf(first) || ((first as NodeJS.ErrnoException).code ?? 'no reason given')
}

const objectOf = (text: string): object | null => {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' ? parsed : null
  } catch {
    return null
  }
}

/** The error for a response that is not the requested one. */
const rejectionOf = (
  { status, headers, text }: HttpResponse,
  parsed: object | null,
): [message: string, code: number | undefined] => {
  if (status >= 300 && status < 400) {
    const place = withoutCredentials(headers.location ?? 'nowhere')
    return [`${status} redirects to ${place}, which is not followed: name that in url`, undefined]
  }
  const { error_code: code, message } = (parsed ?? {}) as {
    error_code?: unknown
    message?: unknown
  }
  const number = typeof code === 'number' ? code : undefined
  if (typeof message === 'string') return [`${status} ${message}`, number]
  const type = headers['content-type'] ?? 'no content type'
  return [`${status} with ${type} instead of the registry's JSON: ${text}`, number]
}
