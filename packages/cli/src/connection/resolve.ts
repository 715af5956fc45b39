// Lays the sources of settings over each other (flags before the environment before the file) and
// makes the options of a producer of them. Wrong settings are one Failure that lists all of them;
// no message shows a secret.

import { readFile } from 'node:fs/promises'
import type { ProducerOptions } from 'millrace'
import { brokerList } from '../arguments.ts'
import { Failure } from '../describe-failure.ts'
import { type Terminal, writeLine } from '../runtime/terminal.ts'
import { type ConnectionFlags, clientSecretVariable, passwordVariable, variables } from './flags.ts'
import { oauthMechanism, oauthOption } from './oauth.ts'
import { isPropertyName, settingsOfFile, takeProperty } from './properties.ts'
import { isSecretName } from './property-table.ts'
import {
  type Access,
  emptySettings,
  mechanismOf,
  mechanismsText,
  type Settings,
} from './settings.ts'
import { joinProperties } from './stores.ts'

type Environment = Terminal['environment']

/** An empty variable counts as none. */
const variable = (environment: Environment, name: string): string | undefined =>
  environment[name] === '' ? undefined : environment[name]

/** Flags, with the environment where a flag is missing. */
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
    throw new Failure(`${name} is '${value}'. ${(error as Error).message}`)
  }
}

/** The first line of a file with a secret. */
const secretOf = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).split(/\r?\n/, 1)[0]!
  } catch (error) {
    throw new Failure(`The secret can't be read: ${(error as Error).message}.`)
  }
}

/** What flags and environment say of the connection. */
const accessOf = async (
  flags: ConnectionFlags,
  environment: Environment,
  problems: string[],
): Promise<Access> => {
  const access: Access = {}
  const { brokers, tls, ca, cert, key, keyPassphraseFile, saslMechanism, username } = flags
  if (brokers !== undefined) access.brokers = brokers
  if (tls === true || ca !== undefined || cert !== undefined) access.tls = true
  if (ca !== undefined) access.ca = ca
  if (cert !== undefined) access.cert = cert
  if (key !== undefined) access.key = key
  if (keyPassphraseFile !== undefined) access.passphrase = await secretOf(keyPassphraseFile)
  if (username !== undefined) access.username = username
  if (saslMechanism !== undefined) {
    const mechanism = mechanismOf(saslMechanism)
    if (mechanism === null) {
      problems.push(`the SASL mechanism is '${saslMechanism}': expected ${mechanismsText}`)
    } else access.saslMechanism = mechanism
  }
  const password = variable(environment, passwordVariable)
  if (flags.passwordFile !== undefined) access.password = await secretOf(flags.passwordFile)
  else if (password !== undefined) access.password = password
  await takeOAuthFlags(access, flags, environment, problems)
  // A password alone, left in the environment, is no wish to log in.
  if (username !== undefined || access.saslMechanism !== undefined) access.sasl = true
  return access
}

/** Tokens, where the flags speak of them, are a wish for OAUTHBEARER. */
const takeOAuthFlags = async (
  access: Access,
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
    access.oauthClientSecret = await secretOf(oauthClientSecretFile)
  } else if (secret !== undefined) access.oauthClientSecret = secret
  if (found.length > 0 && saslMechanism === undefined && username === undefined) {
    access.saslMechanism = oauthMechanism
  }
}

/** What comes later goes first; of the two sources of tokens, the later one alone. */
const layered = (lower: Access, upper: Access): Access => {
  const access = { ...lower, ...upper }
  if (upper.oauthTokenEndpoint !== undefined) delete access.oauthTokenFile
  else if (upper.oauthTokenFile !== undefined) delete access.oauthTokenEndpoint
  if (access.ca !== undefined) delete access.caProblem
  return access
}

/** JSON where it is some (numbers, true, objects), else the word itself. */
const optionValue = (word: string): unknown => {
  try {
    return JSON.parse(word)
  } catch {
    return word
  }
}

const isSecurityOption = (name: string): boolean => name === 'tls' || name === 'sasl'

const settingsOfSet = (pairs: NonNullable<ConnectionFlags['set']>): Settings => {
  const settings = emptySettings()
  for (const [name, value] of pairs) {
    if (isSecretName(name) || isSecurityOption(name)) {
      settings.problems.push(
        `--set ${name}: secrets don't belong on a command line: use --config, --password-file or ` +
          'the flags for it',
      )
    } else if (isPropertyName(name)) takeProperty(name, value, '--set', settings)
    else settings.options[name] = optionValue(value)
  }
  joinProperties(settings)
  return settings
}

const tlsOptions = (access: Access): unknown => {
  const { ca, cert, key, passphrase, pfx, minVersion, maxVersion, skipHostnameCheck } = access
  const options = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(pfx === undefined ? {} : { pfx }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(skipHostnameCheck === true ? { dangerouslySkipHostnameCheck: true } : {}),
  }
  return Object.keys(options).length === 0 ? true : options
}

const saslOptions = (access: Access, problems: string[]): unknown => {
  const { saslMechanism: mechanism, username, password } = access
  if (mechanism === oauthMechanism) return oauthOption(access, problems)
  if (mechanism === undefined) {
    problems.push(`the SASL mechanism is missing (--sasl-mechanism): ${mechanismsText}`)
  }
  if (username === undefined) problems.push('the user name is missing (--username)')
  if (password === undefined) {
    problems.push(`the password is missing (--password-file, or ${passwordVariable})`)
  }
  return { mechanism, username, password }
}

const complain = (problems: readonly string[]): void => {
  if (problems.length > 0) throw new Failure(`Wrong settings: ${problems.join('; ')}.`)
}

/** Options for a producer (or an admin), and warnings to the error stream. */
export const resolveConnection = async (
  given: ConnectionFlags,
  terminal: Terminal,
): Promise<ProducerOptions> => {
  const flags = withEnvironment(given, terminal.environment)
  const file = flags.config === undefined ? emptySettings() : await settingsOfFile(flags.config)
  const set = settingsOfSet(flags.set ?? [])
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
  if (access.tls === true) options.tls = tlsOptions(access)
  if (access.tls === true && access.caProblem !== undefined) problems.push(access.caProblem)
  if (access.sasl === true) options.sasl = saslOptions(access, problems)
  for (const warning of [...file.warnings, ...set.warnings]) {
    writeLine(terminal.errors, `Warning: ${warning}`)
  }
  complain(problems)
  return options as unknown as ProducerOptions
}
