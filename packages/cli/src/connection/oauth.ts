// OAUTHBEARER: what Kafka's names for it mean, Java's and librdkafka's, and the option that flags,
// environment and files together become. A client is known by its credentials at a token endpoint,
// or a file holds the token, which somebody else renews. No message shows a secret.

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { clientSecretVariable } from './flags.ts'
import { type JaasLogin, simpleName } from './jaas.ts'
import { type Access, accessText, type Take } from './settings.ts'

export const oauthMechanism = 'OAUTHBEARER'

/** Everything of an Access that is about tokens. */
export const oauthFields = [
  'oauthClientId',
  'oauthClientSecret',
  'oauthScope',
  'oauthTokenEndpoint',
  'oauthTokenFile',
  'oauthExtensions',
] as const satisfies readonly (keyof Access)[]

/** Java's clients read a token from a file where the URL is one. */
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
    return `is '${value}': expected file:///PATH, or https://…`
  }
}

/** librdkafka's form: `name=value,name=value`. */
const extensions: Take = (value, { access }) => {
  const found: Record<string, string> = {}
  for (const pair of value.split(',').filter((each) => each.trim() !== '')) {
    const equals = pair.indexOf('=')
    if (equals < 1) return `is '${value}': expected NAME=VALUE, with commas between them`
    found[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim()
  }
  access.oauthExtensions = found
  return undefined
}

/** A word that chooses among ways to a token, of which the command has these. */
const oneOf =
  (known: readonly string[], what: string): Take =>
  (value) => {
    const word = simpleName(value)
    return known.includes(word) ? undefined : `is '${value}': ${what}`
  }

const ways = 'the command has client credentials, and tokens from a file'

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
  'sasl.oauthbearer.method': oneOf(['oidc'], `expected oidc: ${ways}`),
  'sasl.oauthbearer.grant.type': oneOf(['client_credentials'], ways),
  'sasl.oauthbearer.jwt.retriever.class': oneOf(
    ['DefaultJwtRetriever', 'ClientCredentialsJwtRetriever', 'FileJwtRetriever'],
    ways,
  ),
  'sasl.oauthbearer.config': () => `makes tokens that nobody has signed: ${ways}`,
  'sasl.login.callback.handler.class': loginHandler,
}

const extensionPrefix = 'extension_'

/** What Java's OAuthBearerLoginModule is told; newer clients have properties for all of it. */
export const takeOAuthLogin = ({ options }: JaasLogin, access: Access): string | undefined => {
  const found: Record<string, string> = {}
  for (const [name, value] of options) {
    if (name === 'clientId') access.oauthClientId = value
    else if (name === 'clientSecret') access.oauthClientSecret = value
    else if (name === 'scope') access.oauthScope = value
    else if (name.startsWith(extensionPrefix)) found[name.slice(extensionPrefix.length)] = value
    else if (name.startsWith('unsecured')) {
      return `names ${name}, and tokens that nobody has signed are not made: ${ways}`
    }
  }
  if (Object.keys(found).length > 0) access.oauthExtensions = found
  return undefined
}

const missing = (what: string, flags: string): string => `the ${what} is missing (${flags})`

/** The option `sasl`; what lacks goes to `problems`. */
export const oauthOption = (access: Access, problems: string[]): unknown => {
  const { oauthClientId: clientId, oauthClientSecret: clientSecret, oauthTokenFile } = access
  const { oauthTokenEndpoint, oauthScope: scope, oauthExtensions } = access
  const more = oauthExtensions === undefined ? {} : { extensions: oauthExtensions }
  if (oauthTokenFile !== undefined) {
    // Read anew for each token: whoever writes the file renews it there.
    const token = async (): Promise<object> => ({
      value: (await readFile(oauthTokenFile, 'utf8')).trim(),
      ...more,
    })
    return { mechanism: oauthMechanism, token }
  }
  if (oauthTokenEndpoint === undefined) {
    problems.push(missing('token endpoint', '--oauth-token-endpoint, or --oauth-token-file'))
  }
  if (clientId === undefined) problems.push(missing("client's id", '--oauth-client-id'))
  if (clientSecret === undefined) {
    problems.push(
      missing("client's secret", `--oauth-client-secret-file, or ${clientSecretVariable}`),
    )
  }
  return {
    mechanism: oauthMechanism,
    clientId,
    clientSecret,
    tokenEndpoint: oauthTokenEndpoint,
    ...(scope === undefined ? {} : { scope }),
    ...more,
  }
}
