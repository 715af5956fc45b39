// Owns the option `sasl`: its type, its check, and the mechanism that it creates. Callers:
// option-table.ts, security.ts. Invariant: messages contain fields and limits, never a value,
// because any value may be a misplaced secret.

import { assertionProblem } from '../net/client-assertion.ts'
import {
  clientCredentialsProvider,
  endpointProblem,
  type ProvableClient,
} from '../net/client-credentials.ts'
import { tokenFileProvider } from '../net/token-file.ts'
import { type TokenProvider, TokenSource } from '../net/token-source.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Warn } from '../protocol/sasl/changing-value.ts'
import type { SaslMechanism } from '../protocol/sasl/mechanism.ts'
import { extensionsProblem, OAuthBearerMechanism } from '../protocol/sasl/oauth-bearer.ts'
import { PasswordCredentials } from '../protocol/sasl/password-credentials.ts'
import { PlainMechanism } from '../protocol/sasl/plain.ts'
import { ScramMechanism } from '../protocol/sasl/scram-mechanism.ts'
import type { SecretSource } from '../protocol/sasl/secret.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { printableLogger } from '../runtime/logger.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { makeNonce } from '../runtime/nonce.ts'
import { readArgument } from './field-check.ts'

const passwordMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const builtInMechanisms = [...passwordMechanisms, 'OAUTHBEARER'] as const

type AnyCase<Name extends string> = Name | Lowercase<Name>

/** User name and password. SCRAM never sends the password; PLAIN does, so use it with TLS. */
export interface PasswordSasl {
  /** `'PLAIN'`, or `'SCRAM-SHA-256'` and `'SCRAM-SHA-512'` (RFC 5802, RFC 7677). */
  readonly mechanism: AnyCase<(typeof passwordMechanisms)[number]>
  /**
   * Sent unchanged in UTF-8, without SASLprep, as Kafka stores it. A function is called for each
   * authentication.
   */
  readonly username: SecretSource
  /** No message, log line or error contains it. A function is called for each authentication. */
  readonly password: SecretSource
}

/** Tokens from a function. It is called once at a time, for all connections. */
export interface TokenSasl {
  /** `'OAUTHBEARER'` (RFC 7628, KIP-255). */
  readonly mechanism: AnyCase<'OAUTHBEARER'>
  /** Returns the token; called again after 80 % of its lifetime. */
  readonly token: TokenProvider
}

/** A token in a file that another program renews. */
export interface TokenFileSasl {
  /** `'OAUTHBEARER'` (RFC 7628, KIP-768). */
  readonly mechanism: AnyCase<'OAUTHBEARER'>
  /** Path of the file; read again for each authentication. */
  readonly tokenFile: string
  /** SASL extensions that are sent with the token (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>> | undefined
}

/** Tokens from an OAuth authority, with the client's own credentials. */
export interface ClientCredentialsSasl extends ProvableClient {
  /** `'OAUTHBEARER'` (KIP-255, KIP-768). */
  readonly mechanism: AnyCase<'OAUTHBEARER'>
}

/** How to authenticate: the option `sasl`. See docs/security.md. */
export type SaslOption =
  | PasswordSasl
  | TokenSasl
  | TokenFileSasl
  | ClientCredentialsSasl
  | SaslMechanism

const passwordFields = ['mechanism', 'username', 'password']
const tokenFields = ['mechanism', 'token']
const tokenFileFields = ['mechanism', 'tokenFile', 'extensions']
const credentialFields = [
  'mechanism',
  'clientId',
  'clientSecret',
  'clientAssertion',
  'assertion',
  'tokenEndpoint',
  'scope',
  'audience',
  'clientAuthentication',
  'extensions',
]

/** Field names of other clients. */
const foreignFields: Readonly<Record<string, string>> = {
  user: 'username',
  pass: 'password',
  oauthBearerProvider: 'token',
  clientSecretId: 'clientSecret',
  tokenUrl: 'tokenEndpoint',
  tokenEndpointUri: 'tokenEndpoint',
}

type Fields = Readonly<Record<string, unknown>>

const isOwnMechanism = (value: object): value is SaslMechanism =>
  typeof (value as Partial<SaslMechanism>).createSession === 'function'

const textProblem = (fields: Fields, name: string, mayBeMissing = false): string | null => {
  const value = fields[name]
  if (value === undefined) return mayBeMissing ? null : `${name} is missing`
  if (typeof value !== 'string') return `${name} must be a string, got ${typeof value}`
  if (value === '') return `${name} is empty`
  return value.includes('\0') ? `${name} has a zero character` : null
}

const secretProblem = (fields: Fields, name: string): string | null => {
  const value = fields[name]
  const isOther = !['undefined', 'string', 'function'].includes(typeof value)
  if (isOther) return `${name} must be a string or a function, got ${typeof value}`
  return typeof value === 'function' ? null : textProblem(fields, name)
}

const unknownFields = (fields: Fields, known: readonly string[]): string[] =>
  Object.keys(fields)
    .filter((name) => !known.includes(name) && fields[name] !== undefined)
    .map((name) => {
      const foreign = Object.hasOwn(foreignFields, name) ? foreignFields[name] : undefined
      const nearest = foreign ?? nearestName(name, known)
      return `unknown field ${name}${nearest === undefined ? '' : `: did you mean ${nearest}?`}`
    })

const passwordProblems = (fields: Fields): (string | null)[] => [
  secretProblem(fields, 'username'),
  secretProblem(fields, 'password'),
  ...unknownFields(fields, passwordFields),
]

const tokenProblems = (fields: Fields): (string | null)[] => [
  typeof fields.token === 'function'
    ? null
    : `token must be a function that returns a token, got ${typeof fields.token}`,
  ...unknownFields(fields, tokenFields),
]

const tokenFileProblems = (fields: Fields): (string | null)[] => [
  textProblem(fields, 'tokenFile'),
  fields.extensions === undefined ? null : extensionsProblem(fields.extensions),
  ...unknownFields(fields, tokenFileFields),
]

const assertionFields = ['assertion', 'clientAssertion'] as const

/** The client authenticates with a secret or a JWT, or exchanges a JWT. */
const clientProofProblems = (fields: Fields): (string | null)[] => {
  const given = assertionFields.filter((name) => fields[name] !== undefined)
  const [name] = given
  if (name === undefined) return [secretProblem(fields, 'clientSecret')]
  const problem = assertionProblem(fields[name])
  const others = [...given, ...(fields.clientSecret === undefined ? [] : ['clientSecret'])]
  return [
    problem === null ? null : `${name} ${problem}`,
    others.length === 1 ? null : `${others.sort().join(' and ')} exclude each other`,
  ]
}

const credentialProblems = (fields: Fields): (string | null)[] => {
  const { tokenEndpoint, clientAuthentication, extensions } = fields
  const endpoint = tokenEndpoint === undefined ? 'is missing' : endpointProblem(tokenEndpoint)
  const isKnownMethod = [undefined, 'basic', 'post'].includes(clientAuthentication as undefined)
  return [
    textProblem(fields, 'clientId'),
    ...clientProofProblems(fields),
    endpoint === null ? null : `tokenEndpoint ${endpoint}`,
    textProblem(fields, 'scope', true),
    textProblem(fields, 'audience', true),
    isKnownMethod ? null : "clientAuthentication is neither 'basic' nor 'post'",
    extensions === undefined ? null : extensionsProblem(extensions),
    ...unknownFields(fields, credentialFields),
  ]
}

const isOneOf = <Name extends string>(names: readonly Name[], value: string): value is Name =>
  (names as readonly string[]).includes(value)

const problemsOf = (fields: Fields): (string | null)[] => {
  const { mechanism } = fields
  if (typeof mechanism !== 'string') return ['mechanism is missing']
  const name = mechanism.toUpperCase()
  if (isOneOf(passwordMechanisms, name)) return passwordProblems(fields)
  if (name === 'OAUTHBEARER') {
    if ('tokenFile' in fields) return tokenFileProblems(fields)
    return 'clientId' in fields || 'tokenEndpoint' in fields
      ? credentialProblems(fields)
      : tokenProblems(fields)
  }
  return [`mechanism is not one of ${builtInMechanisms.join(', ')}: or pass a SaslMechanism`]
}

/** The problem with the option, as the end of a sentence; null = none. */
export const saslProblem = (value: unknown): string | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be { mechanism, … }, got ${Array.isArray(value) ? 'an array' : typeof value}`
  }
  if (isOwnMechanism(value)) {
    const isNamed = typeof value.name === 'string' && /^[\w-]{1,40}$/.test(value.name)
    return isNamed ? null : 'must be { name, createSession }: it has no name'
  }
  const problems = problemsOf(value as unknown as Fields).filter((problem) => problem !== null)
  return problems.length === 0 ? null : `is invalid: ${problems.join(', ')}`
}

/** The mechanism of a valid option; all connections of a producer share it. */
export const mechanismOf = (
  option: SaslOption,
  clock: Clock,
  connectTimeoutMs: number,
  warn: Warn,
): SaslMechanism => {
  if (isOwnMechanism(option)) return option
  const name = option.mechanism.toUpperCase()
  if ('password' in option) {
    const credentials = new PasswordCredentials(option.username, option.password, warn)
    return name === 'SCRAM-SHA-256' || name === 'SCRAM-SHA-512'
      ? new ScramMechanism(name, credentials, makeNonce)
      : new PlainMechanism(credentials)
  }
  const provider = tokenProviderOf(option, clock, warn)
  // A file is cheap to read, and may change before its token ends.
  const source = new TokenSource(provider, clock, connectTimeoutMs, warn, 'tokenFile' in option)
  return new OAuthBearerMechanism(source)
}

const tokenProviderOf = (
  option: TokenSasl | TokenFileSasl | ClientCredentialsSasl,
  clock: Clock,
  warn: Warn,
): TokenProvider => {
  if ('token' in option) return option.token
  if ('tokenFile' in option) return tokenFileProvider(option.tokenFile, option.extensions)
  return clientCredentialsProvider({ ...option }, clock, warn)
}

const tokenTimeoutMs = 10_000

/**
 * A built-in mechanism to build a custom one on: the mechanism that `sasl` would create from the
 * same object. Throws INVALID_OPTION.
 *
 * @example
 * const plain = createSaslMechanism({ mechanism: 'PLAIN', username: 'alice', password: 'a' })
 * const sasl: SaslMechanism = {
 *   name: plain.name,
 *   createSession: (context) => plain.createSession(context),
 * }
 */
export const createSaslMechanism = (option: Exclude<SaslOption, SaslMechanism>): SaslMechanism => {
  const problem = readArgument('sasl', () => saslProblem(option), 'INVALID_OPTION')
  if (problem !== null) throw new KafkaError('INVALID_OPTION', `sasl ${problem}`)
  const logger = printableLogger()
  return mechanismOf(option, systemClock, tokenTimeoutMs, (text) => logger.warn(text))
}
