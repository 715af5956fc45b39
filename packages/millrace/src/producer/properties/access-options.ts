// Owns the creation of the options `tls` and `sasl` from the properties of a connection. Callers:
// options-from-properties.ts, the command line. Invariant: a problem contains no secret.

import type { AssertionAccess, ConnectionAccess } from './property-settings.ts'

/** What to set if a property is missing, for messages. */
export interface AccessHints {
  /** For an authority in PEM. */
  readonly ca: string
  /** For the mechanism. */
  readonly saslMechanism: string
  /** For the user name. */
  readonly username: string
  /** For the password. */
  readonly password: string
  /** For the token endpoint. */
  readonly tokenEndpoint: string
  /** For the client's id at the token endpoint. */
  readonly clientId: string
  /** For the client's secret at the token endpoint. */
  readonly clientSecret: string
  /** For the JWT that is exchanged at the token endpoint. */
  readonly assertion: string
}

const propertyHints: AccessHints = {
  ca: 'ssl.truststore.type=PEM and ssl.truststore.location=ca.pem',
  saslMechanism: 'sasl.mechanism',
  username: 'sasl.username, or sasl.jaas.config',
  password: 'sasl.password, or sasl.jaas.config',
  tokenEndpoint: 'sasl.oauthbearer.token.endpoint.url',
  clientId: 'sasl.oauthbearer.client.credentials.client.id',
  clientSecret: 'sasl.oauthbearer.client.credentials.client.secret',
  assertion: 'sasl.oauthbearer.assertion.private.key.file, or sasl.oauthbearer.assertion.file',
}

const withoutUndefined = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const tlsOptions = (access: ConnectionAccess): unknown => {
  const { ca, cert, key, passphrase, pfx, minVersion, maxVersion, skipHostnameCheck } = access
  const dangerouslySkipHostnameCheck = skipHostnameCheck === true ? true : undefined
  const fields = { ca, cert, key, passphrase, pfx, minVersion, maxVersion }
  const options = withoutUndefined({ ...fields, dangerouslySkipHostnameCheck })
  return Object.keys(options).length === 0 ? true : options
}

const assertionOption = (assertion: AssertionAccess): object => {
  const { file, privateKey, passphrase, audience, issuer: iss, subject: sub } = assertion
  if (file !== undefined) return { file }
  const claims = withoutUndefined({ iss, sub })
  const hasClaims = Object.keys(claims).length > 0
  return withoutUndefined({
    privateKey,
    passphrase,
    audience,
    claims: hasClaims ? claims : undefined,
  })
}

const oauthOption = (access: ConnectionAccess, complain: (field: keyof AccessHints) => void) => {
  const { oauthClientSecret: clientSecret, oauthTokenFile, oauthAssertion } = access
  const { oauthTokenEndpoint: tokenEndpoint, oauthScope: scope } = access
  const { oauthExtensions: extensions, oauthJwtBearer } = access
  // A JWT names its client itself, so Java and librdkafka need no id with it.
  const { issuer, subject } = oauthAssertion ?? {}
  const clientId = access.oauthClientId ?? subject ?? issuer
  const mechanism = 'OAUTHBEARER'
  if (oauthTokenFile !== undefined) {
    return withoutUndefined({ mechanism, tokenFile: oauthTokenFile, extensions })
  }
  if (tokenEndpoint === undefined) complain('tokenEndpoint')
  if (clientId === undefined) complain('clientId')
  const common = { mechanism, clientId, tokenEndpoint, scope, extensions }
  if (oauthAssertion !== undefined) {
    const field = oauthJwtBearer === true ? 'assertion' : 'clientAssertion'
    return withoutUndefined({ ...common, [field]: assertionOption(oauthAssertion) })
  }
  if (oauthJwtBearer === true) complain('assertion')
  else if (clientSecret === undefined) complain('clientSecret')
  return withoutUndefined({ ...common, clientSecret })
}

const titles: AccessHints = {
  ca: 'authority',
  saslMechanism: 'SASL mechanism',
  username: 'user name',
  password: 'password',
  tokenEndpoint: 'token endpoint',
  clientId: "client's id",
  clientSecret: "client's secret",
  assertion: 'JWT',
}

const saslOptions = (access: ConnectionAccess, complain: (field: keyof AccessHints) => void) => {
  const { saslMechanism: mechanism, username, password } = access
  if (mechanism === 'OAUTHBEARER') return oauthOption(access, complain)
  if (mechanism === undefined) complain('saslMechanism')
  if (username === undefined) complain('username')
  if (password === undefined) complain('password')
  return { mechanism, username, password }
}

/**
 * The options `tls` and `sasl`; their problems are added to `problems`. For tools, like
 * `propertySettings`.
 *
 * @example
 * const { access, options, problems } = await readPropertiesFile('client.properties')
 * const connection = accessOptions(access, problems)
 */
export const accessOptions = (
  access: ConnectionAccess,
  problems: string[],
  hints: AccessHints = propertyHints,
): { readonly tls?: unknown; readonly sasl?: unknown } => {
  const complain = (field: keyof AccessHints): void => {
    problems.push(`the ${titles[field]} is missing (${hints[field]})`)
  }
  if (access.tls === true && access.caProblem !== undefined) {
    problems.push(`${access.caProblem} ${hints.ca}`)
  }
  return {
    ...(access.tls === true ? { tls: tlsOptions(access) } : {}),
    ...(access.sasl === true ? { sasl: saslOptions(access, complain) } : {}),
  }
}
