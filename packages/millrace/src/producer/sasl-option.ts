// The option `sasl`: what it may be, what is wrong with it, and the mechanism that it means.
// Messages name fields and bounds, never a value: any of them may be a secret in the wrong place.

import {
  type ClientCredentials,
  clientCredentialsProvider,
  endpointProblem,
} from '../net/client-credentials.ts'
import { type TokenProvider, TokenSource } from '../net/token-source.ts'
import type { SaslMechanism } from '../protocol/sasl/mechanism.ts'
import { extensionsProblem, OAuthBearerMechanism } from '../protocol/sasl/oauth-bearer.ts'
import { PlainMechanism } from '../protocol/sasl/plain.ts'
import { ScramMechanism } from '../protocol/sasl/scram-mechanism.ts'
import type { Clock } from '../runtime/clock.ts'
import { makeNonce } from '../runtime/nonce.ts'
import { nearestName } from './nearest-name.ts'

const passwordMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const builtInMechanisms = [...passwordMechanisms, 'OAUTHBEARER'] as const

type AnyCase<Name extends string> = Name | Lowercase<Name>

/** Name and password. SCRAM never sends the password; PLAIN does, and belongs on TLS. */
export interface PasswordSasl {
  /** `'PLAIN'`, or `'SCRAM-SHA-256'` and `'SCRAM-SHA-512'` (RFC 5802, RFC 7677). */
  readonly mechanism: AnyCase<(typeof passwordMechanisms)[number]>
  /** Sent as it is, in UTF-8, without SASLprep: as Kafka stores it. */
  readonly username: string
  /** In no message, log line or error. */
  readonly password: string
}

/** Tokens from a function of yours. It is asked once at a time, for all connections. */
export interface TokenSasl {
  /** `'OAUTHBEARER'` (RFC 7628, KIP-255). */
  readonly mechanism: AnyCase<'OAUTHBEARER'>
  /** Gives the token; asked again from 80 % of its life on. */
  readonly token: TokenProvider
}

/** Tokens from an OAuth authority, by the client's own credentials. */
export interface ClientCredentialsSasl extends ClientCredentials {
  /** `'OAUTHBEARER'` (KIP-255, KIP-768). */
  readonly mechanism: AnyCase<'OAUTHBEARER'>
}

/** How to authenticate: the option `sasl`. See docs/security.md. */
export type SaslOption = PasswordSasl | TokenSasl | ClientCredentialsSasl | SaslMechanism

const passwordFields = ['mechanism', 'username', 'password']
const tokenFields = ['mechanism', 'token']
const credentialFields = [
  'mechanism',
  'clientId',
  'clientSecret',
  'tokenEndpoint',
  'scope',
  'audience',
  'clientAuthentication',
  'extensions',
]

/** Names that people bring from elsewhere. */
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
  if (typeof value !== 'string') return `${name} is a ${typeof value}: expected a string`
  if (value === '') return `${name} is empty`
  return value.includes('\0') ? `${name} has a zero character` : null
}

const strangeFields = (fields: Fields, known: readonly string[]): string[] =>
  Object.keys(fields)
    .filter((name) => !known.includes(name) && fields[name] !== undefined)
    .map((name) => {
      const foreign = Object.hasOwn(foreignFields, name) ? foreignFields[name] : undefined
      const nearest = foreign ?? nearestName(name, known)
      return `${name} is no field of it${nearest === undefined ? '' : `: did you mean ${nearest}?`}`
    })

const passwordProblems = (fields: Fields): (string | null)[] => [
  textProblem(fields, 'username'),
  textProblem(fields, 'password'),
  ...strangeFields(fields, passwordFields),
]

const tokenProblems = (fields: Fields): (string | null)[] => [
  typeof fields.token === 'function' ? null : 'token is no function that gives a token',
  ...strangeFields(fields, tokenFields),
]

const credentialProblems = (fields: Fields): (string | null)[] => {
  const { tokenEndpoint, clientAuthentication, extensions } = fields
  const endpoint = tokenEndpoint === undefined ? 'is missing' : endpointProblem(tokenEndpoint)
  const isKnownWay = [undefined, 'basic', 'post'].includes(clientAuthentication as undefined)
  return [
    textProblem(fields, 'clientId'),
    textProblem(fields, 'clientSecret'),
    endpoint === null ? null : `tokenEndpoint ${endpoint}`,
    textProblem(fields, 'scope', true),
    textProblem(fields, 'audience', true),
    isKnownWay ? null : "clientAuthentication is neither 'basic' nor 'post'",
    extensions === undefined ? null : extensionsProblem(extensions),
    ...strangeFields(fields, credentialFields),
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
    return 'clientId' in fields || 'tokenEndpoint' in fields
      ? credentialProblems(fields)
      : tokenProblems(fields)
  }
  return [`mechanism is not one of ${builtInMechanisms.join(', ')}: or pass a SaslMechanism`]
}

/** What is wrong with the option, as the end of a sentence; null = nothing. */
export const saslProblem = (value: unknown): string | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'is no object: expected { mechanism, … }'
  }
  if (isOwnMechanism(value)) {
    const isNamed = typeof value.name === 'string' && /^[\w-]{1,40}$/.test(value.name)
    return isNamed ? null : 'has no name: expected { name, createSession }'
  }
  const problems = problemsOf(value as unknown as Fields).filter((problem) => problem !== null)
  return problems.length === 0 ? null : `is wrong: ${problems.join(', ')}`
}

/** The mechanism that a right option means; all connections of a producer share it. */
export const mechanismOf = (
  option: SaslOption,
  clock: Clock,
  connectTimeoutMs: number,
): SaslMechanism => {
  if (isOwnMechanism(option)) return option
  const name = option.mechanism.toUpperCase()
  if ('password' in option) {
    const { username, password } = option
    return name === 'SCRAM-SHA-256' || name === 'SCRAM-SHA-512'
      ? new ScramMechanism(name, username, password, makeNonce)
      : new PlainMechanism(username, password)
  }
  const provider =
    'token' in option ? option.token : clientCredentialsProvider({ ...option }, clock)
  const source = new TokenSource(provider, clock, connectTimeoutMs)
  return new OAuthBearerMechanism(() => source.get())
}
