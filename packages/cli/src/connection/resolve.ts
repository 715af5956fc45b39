// Merges the sources of connection settings (flags, then the environment, then the properties file)
// and makes the options of a producer or an Admin of them. Invalid settings are reported together
// in one Failure. No message may show a secret. Callers: every command that connects.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import {
  type AccessHints,
  accessOptions,
  type ConnectionAccess,
  isSecretProperty,
  KafkaError,
  type ProducerOptions,
  type PropertySettings,
  propertyMechanisms,
  propertySettings,
  readPropertiesFile,
  withoutCredentials,
} from 'millrace'
import { brokerList } from '../arguments.ts'
import { Failure } from '../describe-failure.ts'
import { type Terminal, writeLine } from '../runtime/terminal.ts'
import {
  type ConnectionFlags,
  clientSecretVariable,
  mechanismsText,
  passwordVariable,
  variables,
} from './flags.ts'

type Environment = Terminal['environment']

/** The value of a variable; an empty variable counts as unset. */
const variable = (environment: Environment, name: string): string | undefined =>
  environment[name] === '' ? undefined : environment[name]

/** The flags, with values of the environment where a flag is missing. */
const withEnvironment = (flags: ConnectionFlags, environment: Environment): ConnectionFlags => {
  const found: Record<string, unknown> = {}
  for (const [flag, name] of Object.entries(variables)) {
    const value = variable(environment, name)
    if (value !== undefined) found[flag] = flag === 'brokers' ? namedBrokers(value, name) : value
  }
  return { ...found, ...flags }
}

const namedBrokers = (value: string, name: string): readonly string[] => {
  try {
    return brokerList(value)
  } catch (error) {
    throw new Failure(`${name} is '${withoutCredentials(value)}'. ${(error as Error).message}`)
  }
}

/**
 * The first line of a file with a secret. The message does not have the path: the secret may have
 * been passed in its place.
 */
const secretOf = async (flag: string, path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).split(/\r?\n/, 1)[0]!
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException
    throw new Failure(`The secret can't be read: ${code} (${flag} must be a file).`)
  }
}

/** A password may be in place of the mechanism. */
const gotName = (mechanism: string): string =>
  /^(?:[A-Z][A-Z\d_-]{0,30}|[a-z]+(?:[_-][a-z\d]{1,8}){0,3})$/.test(mechanism)
    ? `, got '${mechanism}'`
    : ''

/** The connection settings of the flags and the environment. */
const accessOf = async (
  flags: ConnectionFlags,
  environment: Environment,
  problems: string[],
): Promise<ConnectionAccess> => {
  const access: ConnectionAccess = {}
  const { brokers, tls, ca, cert, key, keyPassphraseFile, saslMechanism, username } = flags
  if (brokers !== undefined) access.brokers = brokers
  if (tls === true || ca !== undefined || cert !== undefined) access.tls = true
  if (ca !== undefined) access.ca = ca
  if (cert !== undefined) access.cert = cert
  if (key !== undefined) access.key = key
  if (keyPassphraseFile !== undefined)
    access.passphrase = await secretOf('--key-passphrase-file', keyPassphraseFile)
  if (username !== undefined) access.username = username
  if (saslMechanism !== undefined) {
    const mechanism = saslMechanism.trim().toUpperCase()
    if (propertyMechanisms.includes(mechanism)) access.saslMechanism = mechanism
    else problems.push(`the SASL mechanism must be ${mechanismsText}${gotName(saslMechanism)}`)
  }
  const password = variable(environment, passwordVariable)
  if (flags.passwordFile !== undefined)
    access.password = await secretOf('--password-file', flags.passwordFile)
  else if (password !== undefined) access.password = password
  await takeOAuthFlags(access, flags, environment, problems)
  // A password alone in the environment does not turn authentication on.
  if (username !== undefined || access.saslMechanism !== undefined) access.sasl = true
  return access
}

/** The flags about tokens; any of them selects OAUTHBEARER. */
const takeOAuthFlags = async (
  access: ConnectionAccess,
  flags: ConnectionFlags,
  environment: Environment,
  problems: string[],
): Promise<void> => {
  const { oauthTokenEndpoint, oauthClientId, oauthClientSecretFile, oauthScope } = flags
  const { oauthTokenFile, username, saslMechanism } = flags
  const named = { oauthTokenEndpoint, oauthClientId, oauthScope, oauthTokenFile }
  const found = Object.entries(named).filter(([, value]) => value !== undefined)
  Object.assign(access, Object.fromEntries(found))
  if (oauthTokenEndpoint !== undefined && oauthTokenFile !== undefined) {
    problems.push('a token comes from --oauth-token-endpoint or from --oauth-token-file, not both')
  }
  const secret = variable(environment, clientSecretVariable)
  if (oauthClientSecretFile !== undefined) {
    access.oauthClientSecret = await secretOf('--oauth-client-secret-file', oauthClientSecretFile)
  } else if (secret !== undefined) access.oauthClientSecret = secret
  if (found.length > 0 && saslMechanism === undefined && username === undefined) {
    access.saslMechanism = 'OAUTHBEARER'
  }
}

/** Merges two sources: `upper` wins. Of two token sources only the one in `upper` is kept. */
const layered = (lower: ConnectionAccess, upper: ConnectionAccess): ConnectionAccess => {
  const access = { ...lower, ...upper }
  if (upper.oauthTokenEndpoint !== undefined) delete access.oauthTokenFile
  else if (upper.oauthTokenFile !== undefined) delete access.oauthTokenEndpoint
  if (access.ca !== undefined) delete access.caProblem
  return access
}

/** Parses the value as JSON (number, boolean, object); other text is the value itself. */
const optionValue = (word: string): unknown => {
  try {
    return JSON.parse(word)
  } catch {
    return word
  }
}

const isSecurityOption = (name: string): boolean => name === 'tls' || name === 'sasl'

/** Whether --set names a Kafka property: those have a dot, and Millrace's own options have none. */
const isPropertyName = (name: string): boolean => name.includes('.')

type Assignments = NonNullable<ConnectionFlags['set']>

const propertiesOf = (pairs: Assignments): Record<string, string> =>
  Object.fromEntries(pairs.filter(([name]) => isPropertyName(name)))

const settingsOfSet = (pairs: Assignments): PropertySettings => {
  const isRejected = ([name]: readonly [string, string]): boolean =>
    isSecretProperty(name) || isSecurityOption(name)
  const taken = pairs.filter((pair) => !isRejected(pair))
  const settings = propertySettings(propertiesOf(taken), '--set')
  // Without a prototype, `__proto__` and `toString` are names like any other.
  const options: Record<string, unknown> = Object.assign(Object.create(null), settings.options)
  for (const [index, [name, value]] of taken.entries()) {
    if (isPropertyName(name)) continue
    // A later assignment wins, whichever of the two names it uses.
    const later = propertySettings(propertiesOf(taken.slice(index)), '--set')
    if (!Object.hasOwn(later.options, name)) options[name] = optionValue(value)
  }
  const problems = pairs
    .filter(isRejected)
    .map(
      ([name]) =>
        `--set ${name}: secrets don't belong on a command line: use --config, --password-file or ` +
        'the flags for it',
    )
  settings.problems.unshift(...problems)
  return { ...settings, options }
}

const settingsOfFile = async (path: string): Promise<PropertySettings> => {
  if (path.includes('=') && !existsSync(path)) {
    throw new Failure('--config must be a file; a single setting is --set NAME=VALUE')
  }
  try {
    return await readPropertiesFile(path)
  } catch (error) {
    if (error instanceof KafkaError) throw new Failure(`${error.message}.`)
    throw error
  }
}

/** Removes the transactional id: the commands send without transactions. */
const withoutTransactions = (settings: PropertySettings, source: string): PropertySettings => {
  for (const [name, option] of [
    ['transactional.id', 'transactionalId'],
    ['transaction.timeout.ms', 'transactionTimeoutMs'],
  ] as const) {
    if (settings.options[option] === undefined) continue
    delete settings.options[option]
    const reason = 'this command sends without transactions'
    settings.warnings.push(`${source}: ${name} is ignored: ${reason}.`)
  }
  return settings
}

const hints: AccessHints = {
  ca: '--ca ca.pem, or for ssl.truststore.type=PEM and ssl.truststore.location=ca.pem',
  saslMechanism: '--sasl-mechanism',
  username: '--username',
  password: `--password-file, or ${passwordVariable}`,
  tokenEndpoint: '--oauth-token-endpoint, or --oauth-token-file',
  clientId: '--oauth-client-id',
  clientSecret: `--oauth-client-secret-file, or ${clientSecretVariable}`,
  assertion: '-X sasl.oauthbearer.assertion.private.key.file=key.pem',
}

const complain = (problems: readonly string[]): void => {
  if (problems.length > 0) throw new Failure(`Invalid settings: ${problems.join('; ')}.`)
}

/** The options for a producer or an Admin. Writes warnings to the error stream. */
export const resolveConnection = async (
  given: ConnectionFlags,
  terminal: Terminal,
): Promise<ProducerOptions> => {
  const flags = withEnvironment(given, terminal.environment)
  const { config } = flags
  const file =
    config === undefined
      ? propertySettings({}, '')
      : withoutTransactions(await settingsOfFile(config), config)
  const set = withoutTransactions(settingsOfSet(flags.set ?? []), '--set')
  const problems = [...file.problems, ...set.problems]
  const own = await accessOf(flags, terminal.environment, problems)
  const access = layered(layered(file.access, set.access), own)
  const { brokers } = access
  if (brokers === undefined) {
    problems.push(`no broker is named: --brokers HOST:PORT, ${variables.brokers} or --config`)
  }
  const options: Record<string, unknown> = { ...file.options, ...set.options, brokers }
  if (set.options.brokers !== undefined && own.brokers === undefined) {
    options.brokers = set.options.brokers
  }
  Object.assign(options, accessOptions(access, problems, hints))
  for (const warning of [...file.warnings, ...set.warnings]) {
    writeLine(terminal.errors, `Warning: ${warning}`)
  }
  complain(problems)
  return options as unknown as ProducerOptions
}
