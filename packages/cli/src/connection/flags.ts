// The flags that every command with a connection has: brokers, credentials, TLS, and any other
// option by its name. Callers: the commands, and resolve.ts, which makes producer options of the
// values. There must be no flag for a password, because process lists show flags.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { propertyMechanisms } from 'millrace'
import { brokerList } from '../arguments.ts'

/** The mechanisms that --sasl-mechanism takes, for messages. */
export const mechanismsText = propertyMechanisms.join(', ')

export interface ConnectionFlags {
  readonly brokers?: readonly string[]
  readonly config?: string
  readonly set?: readonly (readonly [name: string, value: string])[]
  readonly tls?: true
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly keyPassphraseFile?: string
  readonly saslMechanism?: string
  readonly username?: string
  readonly passwordFile?: string
  readonly oauthTokenEndpoint?: string
  readonly oauthClientId?: string
  readonly oauthClientSecretFile?: string
  readonly oauthScope?: string
  readonly oauthTokenFile?: string
}

/** `name=value`; the value may be empty. */
export const assignment = (word: string): readonly [name: string, value: string] => {
  const equals = word.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError('It must be NAME=VALUE.')
  return [word.slice(0, equals).trim(), word.slice(equals + 1)]
}

const assignments = (
  word: string,
  before: readonly (readonly [string, string])[] | undefined,
): readonly (readonly [string, string])[] => [...(before ?? []), assignment(word)]

const group = 'Connection:'

/** The flag of each setting, and the environment variable that replaces it. */
export const variables = {
  brokers: 'MILLRACE_BROKERS',
  config: 'MILLRACE_CONFIG',
  ca: 'MILLRACE_CA',
  cert: 'MILLRACE_CERT',
  key: 'MILLRACE_KEY',
  keyPassphraseFile: 'MILLRACE_KEY_PASSPHRASE_FILE',
  saslMechanism: 'MILLRACE_SASL_MECHANISM',
  username: 'MILLRACE_USERNAME',
  passwordFile: 'MILLRACE_PASSWORD_FILE',
  oauthTokenEndpoint: 'MILLRACE_OAUTH_TOKEN_ENDPOINT',
  oauthClientId: 'MILLRACE_OAUTH_CLIENT_ID',
  oauthClientSecretFile: 'MILLRACE_OAUTH_CLIENT_SECRET_FILE',
  oauthScope: 'MILLRACE_OAUTH_SCOPE',
  oauthTokenFile: 'MILLRACE_OAUTH_TOKEN_FILE',
} as const satisfies Partial<Record<keyof ConnectionFlags, string>>

/** The environment variable for the password itself. */
export const passwordVariable = 'MILLRACE_PASSWORD'

/** The environment variable for a client's secret. */
export const clientSecretVariable = 'MILLRACE_OAUTH_CLIENT_SECRET'

const flag = (name: keyof typeof variables, flags: string, description: string): Option =>
  new Option(flags, `${description} (env: ${variables[name]})`).helpGroup(group)

const addOAuthFlags = (command: Command): Command =>
  command
    .addOption(
      flag(
        'oauthTokenEndpoint',
        '--oauth-token-endpoint <url>',
        'where OAUTHBEARER gets its tokens; implies it',
      ),
    )
    .addOption(flag('oauthClientId', '--oauth-client-id <id>', "our client's id there"))
    .addOption(
      flag(
        'oauthClientSecretFile',
        '--oauth-client-secret-file <file>',
        `file with its secret; or put it into ${clientSecretVariable}`,
      ),
    )
    .addOption(
      flag('oauthScope', '--oauth-scope <scopes>', 'scopes to request, separated by spaces'),
    )
    .addOption(
      flag(
        'oauthTokenFile',
        '--oauth-token-file <file>',
        'file with a token, instead of an endpoint; read anew for each login',
      ),
    )

export const addConnectionFlags = (command: Command): Command =>
  addOAuthFlags(addBasicFlags(command))

const addBasicFlags = (command: Command): Command =>
  command
    .addOption(
      flag('brokers', '-b, --brokers <host:port>', 'brokers, with commas between them').argParser(
        brokerList,
      ),
    )
    .addOption(flag('config', '-c, --config <file>', "client.properties with Kafka's own names"))
    .addOption(
      new Option('--set <name=value>', "any option, by our name or Kafka's (repeatable)")
        .helpGroup(group)
        .argParser(assignments),
    )
    .addOption(new Option('--tls', 'encrypt the connection').helpGroup(group))
    .addOption(flag('ca', '--ca <file>', 'authorities to trust, PEM; implies --tls'))
    .addOption(flag('cert', '--cert <file>', 'our certificate, PEM; implies --tls'))
    .addOption(flag('key', '--key <file>', "our certificate's key, PEM"))
    .addOption(
      flag('keyPassphraseFile', '--key-passphrase-file <file>', 'file with the passphrase of it'),
    )
    .addOption(flag('saslMechanism', '--sasl-mechanism <name>', mechanismsText))
    .addOption(flag('username', '--username <name>', 'user name'))
    .addOption(
      flag(
        'passwordFile',
        '--password-file <file>',
        `file with the password; or put it into ${passwordVariable}`,
      ),
    )
