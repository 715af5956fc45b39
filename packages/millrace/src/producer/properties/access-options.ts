// The options `tls` and `sasl` out of what properties say of a connection.

import type { ConnectionAccess } from './property-settings.ts'

/** What to set where something is missing, for messages. */
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
  /** For the client's id there. */
  readonly clientId: string
  /** For the client's secret there. */
  readonly clientSecret: string
}

const propertyHints: AccessHints = {
  ca: 'ssl.truststore.type=PEM and ssl.truststore.location=ca.pem',
  saslMechanism: 'sasl.mechanism',
  username: 'sasl.username, or sasl.jaas.config',
  password: 'sasl.password, or sasl.jaas.config',
  tokenEndpoint: 'sasl.oauthbearer.token.endpoint.url',
  clientId: 'sasl.oauthbearer.client.credentials.client.id',
  clientSecret: 'sasl.oauthbearer.client.credentials.client.secret',
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

const oauthOption = (access: ConnectionAccess, complain: (field: keyof AccessHints) => void) => {
  const { oauthClientId: clientId, oauthClientSecret: clientSecret, oauthTokenFile } = access
  const { oauthTokenEndpoint: tokenEndpoint, oauthScope: scope } = access
  const { oauthExtensions: extensions } = access
  const mechanism = 'OAUTHBEARER'
  if (oauthTokenFile !== undefined) {
    return withoutUndefined({ mechanism, tokenFile: oauthTokenFile, extensions })
  }
  if (tokenEndpoint === undefined) complain('tokenEndpoint')
  if (clientId === undefined) complain('clientId')
  if (clientSecret === undefined) complain('clientSecret')
  return withoutUndefined({ mechanism, clientId, clientSecret, tokenEndpoint, scope, extensions })
}

const titles: AccessHints = {
  ca: 'authority',
  saslMechanism: 'SASL mechanism',
  username: 'user name',
  password: 'password',
  tokenEndpoint: 'token endpoint',
  clientId: "client's id",
  clientSecret: "client's secret",
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
 * The options `tls` and `sasl`; what is wrong with them goes to `problems`. For tools, as
 * `propertySettings` is.
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
