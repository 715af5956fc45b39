// Owns Kafka's properties of OAUTHBEARER, those of Java and librdkafka. The token comes from an
// endpoint (by credentials, with a JWT, or in exchange for a JWT) or from a file that another
// program renews. Callers: property-table.ts, read-properties.ts. Invariant: no message contains a
// secret.

import { fileURLToPath } from 'node:url'
import { type JaasLogin, simpleName } from './jaas.ts'
import {
  type AssertionAccess,
  accessText,
  type ConnectionAccess,
  type Take,
} from './property-settings.ts'

/** All fields of a ConnectionAccess that concern tokens. */
export const oauthFields = [
  'oauthClientId',
  'oauthClientSecret',
  'oauthScope',
  'oauthTokenEndpoint',
  'oauthTokenFile',
  'oauthExtensions',
  'oauthJwtBearer',
  'oauthAssertion',
] as const satisfies readonly (keyof ConnectionAccess)[]

/** Java's clients read a token from a file if the URL is a file URL. */
const tokenEndpoint: Take = (value, { access }) => {
  const word = value.trim()
  if (!/^file:/i.test(word)) {
    access.oauthTokenEndpoint = word
    return undefined
  }
  try {
    access.oauthTokenFile = fileURLToPath(word)
    return undefined
  } catch {
    return `must be file:///PATH, or https://…, got '${value}'`
  }
}

/** librdkafka's format: `name=value,name=value`. */
const extensions: Take = (value, { access }) => {
  const found: Record<string, string> = {}
  for (const pair of value.split(',').filter((each) => each.trim() !== '')) {
    const equals = pair.indexOf('=')
    if (equals < 1) return `must be NAME=VALUE, with commas between them, got '${value}'`
    found[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim()
  }
  access.oauthExtensions = found
  return undefined
}

/** A value that selects one of these ways to get a token. */
const oneOf =
  (known: readonly string[], what: string): Take =>
  (value) => {
    const word = simpleName(value)
    return known.includes(word) ? undefined : `is '${value}': ${what}`
  }

const flows = 'there are client credentials, jwt-bearer, and tokens from a file'

/** The grant with a JWT, or another known one. */
const grant =
  (jwtBearer: string, others: readonly string[]): Take =>
  (value, settings) => {
    const word = simpleName(value)
    if (word !== jwtBearer) return oneOf(others, flows)(value, settings)
    settings.access.oauthJwtBearer = true
    return undefined
  }

const assertion =
  (field: keyof AssertionAccess): Take =>
  (value, { access }) => {
    access.oauthAssertion = { ...access.oauthAssertion, [field]: value }
    return undefined
  }

/** The algorithm of the signed JWT; the key determines it. */
const algorithms = ['RS256', 'ES256']
const assertionAlgorithm: Take = (value) =>
  algorithms.includes(value.trim().toUpperCase())
    ? undefined
    : `must be one of ${algorithms.join(', ')}, got '${value}'`

const loginHandlers = [
  'OAuthBearerLoginCallbackHandler',
  'OAuthBearerUnsecuredLoginCallbackHandler',
]

const loginHandler: Take = (value, { warnings }) => {
  const name = simpleName(value)
  if (!loginHandlers.includes(name)) {
    warnings.push(
      `sasl.login.callback.handler.class names ${value}, a class of Java: it is not run.`,
    )
  }
  return undefined
}

export const oauthProperties: Readonly<Record<string, Take>> = {
  'sasl.oauthbearer.token.endpoint.url': tokenEndpoint,
  'sasl.oauthbearer.client.id': accessText('oauthClientId'),
  'sasl.oauthbearer.client.secret': accessText('oauthClientSecret'),
  'sasl.oauthbearer.client.credentials.client.id': accessText('oauthClientId'),
  'sasl.oauthbearer.client.credentials.client.secret': accessText('oauthClientSecret'),
  'sasl.oauthbearer.scope': accessText('oauthScope'),
  'sasl.oauthbearer.extensions': extensions,
  'sasl.oauthbearer.method': oneOf(['oidc'], `expected oidc: ${flows}`),
  'sasl.oauthbearer.grant.type': grant('urn:ietf:params:oauth:grant-type:jwt-bearer', [
    'client_credentials',
  ]),
  'sasl.oauthbearer.jwt.retriever.class': grant('JwtBearerJwtRetriever', [
    'DefaultJwtRetriever',
    'ClientCredentialsJwtRetriever',
    'FileJwtRetriever',
  ]),
  'sasl.oauthbearer.assertion.algorithm': assertionAlgorithm,
  'sasl.oauthbearer.assertion.file': assertion('file'),
  'sasl.oauthbearer.assertion.private.key.file': assertion('privateKey'),
  'sasl.oauthbearer.assertion.private.key.pem': assertion('privateKey'),
  'sasl.oauthbearer.assertion.private.key.passphrase': assertion('passphrase'),
  'sasl.oauthbearer.assertion.claim.aud': assertion('audience'),
  'sasl.oauthbearer.assertion.claim.audience': assertion('audience'),
  'sasl.oauthbearer.assertion.claim.iss': assertion('issuer'),
  'sasl.oauthbearer.assertion.claim.issuer': assertion('issuer'),
  'sasl.oauthbearer.assertion.claim.sub': assertion('subject'),
  'sasl.oauthbearer.assertion.claim.subject': assertion('subject'),
  'sasl.oauthbearer.config': () => `makes unsigned tokens: ${flows}`,
  'sasl.login.callback.handler.class': loginHandler,
}

const extensionPrefix = 'extension_'

/** Settings of Java's OAuthBearerLoginModule; newer clients have properties for all of them. */
export const takeOAuthLogin = (
  { options }: JaasLogin,
  access: ConnectionAccess,
): string | undefined => {
  const found: Record<string, string> = {}
  for (const [name, value] of options) {
    if (name === 'clientId') access.oauthClientId = value
    else if (name === 'clientSecret') access.oauthClientSecret = value
    else if (name === 'scope') access.oauthScope = value
    else if (name.startsWith(extensionPrefix)) found[name.slice(extensionPrefix.length)] = value
    else if (name.startsWith('unsecured')) {
      return `names ${name}, and unsigned tokens are not made: ${flows}`
    }
  }
  if (Object.keys(found).length > 0) access.oauthExtensions = found
  return undefined
}
