// Owns the table of Kafka's property names, Java's and librdkafka's, and their meaning here. No
// other file lists them. Caller: read-properties.ts. Invariant: a property is either in the table,
// ignored, or reported as not used.

import { compressionTypes } from '../../protocol/compression/codecs.ts'
import type { TlsVersion } from '../../runtime/tls-settings.ts'
import { parseJaas, simpleName } from './jaas.ts'
import { oauthProperties, takeOAuthLogin } from './oauth-properties.ts'
import {
  accessText,
  mechanismOf,
  type PropertySettings,
  propertyMechanisms,
  type Take,
} from './property-settings.ts'

const kib = 1024

const whole =
  (option: string, scale = 1): Take =>
  (value, { options }) => {
    if (!/^-?\d+$/.test(value.trim())) return `must be a whole number, got '${value}'`
    options[option] = Number(value) * scale
    return undefined
  }

const text =
  (option: string): Take =>
  (value, { options }) => {
    options[option] = value
    return undefined
  }

const booleanOf = (value: string): boolean | undefined => {
  const word = value.trim().toLowerCase()
  return word === 'true' || word === 'false' ? word === 'true' : undefined
}

const boolean =
  (option: string): Take =>
  (value, { options }) => {
    const flag = booleanOf(value)
    if (flag === undefined) return `must be true or false, got '${value}'`
    options[option] = flag
    return undefined
  }

/** -1 means no limit in librdkafka. */
const acks: Take = (value, { options }) => {
  const word = value.trim().toLowerCase()
  if (!['all', '-1', '0', '1'].includes(word)) return `must be all, 1 or 0, got '${value}'`
  options.acks = word === 'all' ? 'all' : Number(word)
  return undefined
}

const brokers: Take = (value, { access }) => {
  access.brokers = value
    .split(',')
    .map((each) => each.trim().replace(/^[A-Za-z_]+:\/\//, ''))
    .filter((each) => each !== '')
  return access.brokers.length === 0 ? 'names no broker' : undefined
}

const protocols: Readonly<Record<string, { tls: boolean; sasl: boolean }>> = {
  PLAINTEXT: { tls: false, sasl: false },
  SSL: { tls: true, sasl: false },
  SASL_PLAINTEXT: { tls: false, sasl: true },
  SASL_SSL: { tls: true, sasl: true },
}

const securityProtocol: Take = (value, { access }) => {
  const protocol = protocols[value.trim().toUpperCase()]
  if (protocol === undefined) {
    return `must be one of ${Object.keys(protocols).join(', ')}, got '${value}'`
  }
  Object.assign(access, protocol)
  return undefined
}

const saslMechanism: Take = (value, { access }) => {
  const mechanism = mechanismOf(value)
  if (mechanism === null) return `must be one of ${propertyMechanisms.join(', ')}, got '${value}'`
  access.saslMechanism = mechanism
  return undefined
}

const passwordModules = ['PlainLoginModule', 'ScramLoginModule']
const oauthModule = 'OAuthBearerLoginModule'

const saslJaasConfig: Take = (value, { access }) => {
  const login = parseJaas(value)
  if (login === null) return 'must be a login module with its options and a ; at the end'
  if (login.module === oauthModule) return takeOAuthLogin(login, access)
  if (!passwordModules.includes(login.module)) {
    return `must name one of ${[...passwordModules, oauthModule].join(', ')}, got ${login.module}`
  }
  const username = login.options.get('username')
  const password = login.options.get('password')
  if (username === undefined || password === undefined) return 'lacks username or password'
  access.username = username
  access.password = password
  return undefined
}

/** No check is the empty text in Java, and `none` in librdkafka. */
const hostnameCheck: Take = (value, { access }) => {
  const word = value.trim().toLowerCase()
  if (!['', 'none', 'https'].includes(word)) return `must be https, or nothing, got '${value}'`
  access.skipHostnameCheck = word !== 'https'
  return undefined
}

const certificateCheck: Take = (value) =>
  booleanOf(value) === false
    ? 'turns the check of certificates off: name the authority instead (ssl.ca.location)'
    : undefined

const tlsVersions: Take = (value, { access }) => {
  const versions = value.split(',').map((each) => each.trim())
  const known = versions.filter((each) => each === 'TLSv1.2' || each === 'TLSv1.3')
  if (known.length === 0) return `must be TLSv1.2, TLSv1.3 or both, got '${value}'`
  const sorted = known.sort() as TlsVersion[]
  access.minVersion = sorted[0]!
  access.maxVersion = sorted.at(-1)!
  return undefined
}

/** `inherit` of librdkafka means the producer's value for a topic: nothing is set. */
const compression: Take = (value, { options }) => {
  const type = value.trim().toLowerCase()
  if (type === 'inherit') return undefined
  if (!(compressionTypes as readonly string[]).includes(type)) {
    return `must be one of ${compressionTypes.join(', ')}, got '${value}'`
  }
  options.compression = type
  return undefined
}

/** Levels are separate properties: joined-properties.ts adds them to the codec at the end. */
export const levelOption = 'compression.level'
const level =
  (type: string): Take =>
  (value, { options }) =>
    whole(`${levelOption}.${type}`)(value, { options } as PropertySettings)

const partitioners: Readonly<Record<string, string>> = {
  random: 'random',
  consistent_random: 'consistent_random',
  murmur2_random: 'java',
  fnv1a_random: 'fnv1a',
  RoundRobinPartitioner: 'round_robin',
  UniformStickyPartitioner: 'sticky',
  DefaultPartitioner: 'java',
}

const partitioner: Take = (value, { options }) => {
  const name = simpleName(value)
  if (partitioners[name] === undefined) {
    return `must be one of ${Object.keys(partitioners).join(', ')}, got '${value}'`
  }
  options.partitioner = partitioners[name]
  return undefined
}

/** Whether records without a key prefer the client's rack; joined-properties.ts uses it. */
export const rackAwareOption = 'partitioner.rack.aware'

/** Whether keys do not choose the partition; joined-properties.ts uses it. */
export const ignoreKeysOption = 'partitioner.ignore.keys'

const adaptivePartitioning: Take = (value, { warnings }) => {
  const flag = booleanOf(value)
  if (flag === undefined) return `must be true or false, got '${value}'`
  if (!flag) {
    warnings.push(
      'partitioner.adaptive.partitioning.enable=false is ignored: records without a key ' +
        'always go to the partition with less to deliver, of two at random.',
    )
  }
  return undefined
}

const truststores = ['PEM', 'PKCS12', 'JKS']

const storeType =
  (kind: 'truststore' | 'keystore'): Take =>
  (value, { options }) => {
    const type = value.trim().toUpperCase()
    if (!truststores.includes(type)) return `must be PEM or PKCS12, got '${value}'`
    options[`ssl.${kind}.type`] = type
    return undefined
  }

/** Stored under its name for joined-properties.ts, which interprets all of them together. */
const kept =
  (name: string): Take =>
  (value, { options }) => {
    options[name] = value
    return undefined
  }

export const propertyTable: Readonly<Record<string, Take>> = {
  'bootstrap.servers': brokers,
  'metadata.broker.list': brokers,
  'client.id': text('clientId'),
  'transactional.id': text('transactionalId'),
  'transaction.timeout.ms': whole('transactionTimeoutMs'),
  'enable.metrics.push': boolean('enableMetricsPush'),
  acks,
  'request.required.acks': acks,
  'enable.idempotence': boolean('idempotent'),
  'linger.ms': whole('lingerMs'),
  'queue.buffering.max.ms': whole('lingerMs'),
  'batch.size': whole('batchBytes'),
  'buffer.memory': whole('bufferMemoryBytes'),
  'queue.buffering.max.kbytes': whole('bufferMemoryBytes', kib),
  'max.request.size': whole('maxRequestBytes'),
  'message.max.bytes': whole('maxRequestBytes'),
  'max.block.ms': whole('maxBlockMs'),
  'delivery.timeout.ms': whole('deliveryTimeoutMs'),
  'message.timeout.ms': whole('deliveryTimeoutMs'),
  'request.timeout.ms': whole('requestTimeoutMs'),
  retries: whole('retries'),
  'message.send.max.retries': whole('retries'),
  'retry.backoff.ms': whole('retryBackoffMs'),
  'retry.backoff.max.ms': whole('retryBackoffMaxMs'),
  'max.in.flight.requests.per.connection': whole('maxInFlightRequests'),
  'max.in.flight': whole('maxInFlightRequests'),
  'metadata.max.age.ms': whole('metadataMaxAgeMs'),
  'metadata.max.idle.ms': whole('metadataMaxIdleMs'),
  'metadata.recovery.rebootstrap.trigger.ms': whole('metadataRecoveryRebootstrapTriggerMs'),
  'reconnect.backoff.ms': whole('reconnectBackoffMs'),
  'reconnect.backoff.max.ms': whole('reconnectBackoffMaxMs'),
  'connections.max.idle.ms': whole('connectionsMaxIdleMs'),
  'socket.connection.setup.timeout.ms': whole('connectTimeoutMs'),
  'receive.message.max.bytes': whole('maxResponseBytes'),
  'allow.auto.create.topics': boolean('allowAutoTopicCreation'),
  'compression.type': compression,
  'compression.codec': compression,
  'compression.level': level('any'),
  'compression.gzip.level': level('gzip'),
  'compression.lz4.level': level('lz4'),
  'compression.zstd.level': level('zstd'),
  'partitioner.availability.timeout.ms': whole('partitionerAvailabilityTimeoutMs'),
  'client.rack': text('rack'),
  [rackAwareOption]: boolean(rackAwareOption),
  'partitioner.class': partitioner,
  partitioner,
  [ignoreKeysOption]: boolean(ignoreKeysOption),
  'partitioner.adaptive.partitioning.enable': adaptivePartitioning,
  'security.protocol': securityProtocol,
  'sasl.mechanism': saslMechanism,
  'sasl.mechanisms': saslMechanism,
  'sasl.jaas.config': saslJaasConfig,
  'sasl.username': accessText('username'),
  'sasl.password': accessText('password'),
  ...oauthProperties,
  'ssl.ca.location': accessText('ca'),
  'ssl.ca.pem': accessText('ca'),
  'ssl.truststore.certificates': accessText('ca'),
  'ssl.certificate.location': accessText('cert'),
  'ssl.certificate.pem': accessText('cert'),
  'ssl.keystore.certificate.chain': accessText('cert'),
  'ssl.key.location': accessText('key'),
  'ssl.key.pem': accessText('key'),
  'ssl.keystore.key': accessText('key'),
  'ssl.key.password': accessText('passphrase'),
  'ssl.truststore.location': kept('ssl.truststore.location'),
  'ssl.truststore.type': storeType('truststore'),
  'ssl.truststore.password': kept('ssl.truststore.password'),
  'ssl.keystore.location': kept('ssl.keystore.location'),
  'ssl.keystore.type': storeType('keystore'),
  'ssl.keystore.password': kept('ssl.keystore.password'),
  'ssl.endpoint.identification.algorithm': hostnameCheck,
  'enable.ssl.certificate.verification': certificateCheck,
  'ssl.enabled.protocols': tlsVersions,
}

/**
 * Known properties without a meaning for a producer that sends bytes: ignored without a warning.
 */
export const irrelevantProperties: readonly RegExp[] = [
  /^(key|value)\.(de)?serializer(\.|$)/,
  /^(group|auto\.offset|enable\.auto|auto\.commit|fetch|max\.poll|session|heartbeat)\./,
  /^(isolation\.level|check\.crcs|exclude\.internal\.topics|interceptor\.classes)$/,
  /^(metric|metrics|log|statistics|debug|stats)(\.|_|$)/,
  /^(send|receive)\.buffer\.bytes$|^client\.dns\.lookup$|^socket\.keepalive\.enable$/,
  /^schema\.registry\.|^basic\.auth\./,
  /^ssl\.protocol$/,
  /^sasl\.(login|kerberos)\./,
  // Checks of brokers, and Java's names of serializers.
  /^sasl\.oauthbearer\.(jwks|clock|expected|header|scope\.claim|sub\.claim|jwt\.validator)\./,
]

/** Known properties that are not used here: reported once, with the reason. */
export const unsupportedProperties: Readonly<Record<string, string>> = {
  'batch.num.messages': 'batches are bounded in bytes (batch.size) only',
  'queue.buffering.max.messages': 'the buffer is bounded in bytes (buffer.memory) only',
  'ssl.cipher.suites': "Node.js' own choice of ciphers is used",
  ...Object.fromEntries(
    ['exp.seconds', 'nbf.seconds', 'jti.include'].map((claim) => [
      `sasl.oauthbearer.assertion.claim.${claim}`,
      'the JWT is used at once; it has exp, nbf and jti of its own',
    ]),
  ),
  'sasl.oauthbearer.assertion.template.file':
    "name the claims instead, or give the option sasl.assertion's claims",
  'sasl.oauthbearer.assertion.jose.template.file':
    "name the claims instead, or give the option sasl.assertion's claims",
}

/**
 * True for the name of a property whose value must not be shown, on a screen or in a list of
 * processes.
 *
 * @example
 * const shown = isSecretProperty('sasl.password') ? '…' : 'the value'
 */
export const isSecretProperty = (name: string): boolean =>
  /password|passphrase|jaas|secret|token|^ssl\.(key|keystore)\.(pem|key)$/i.test(name) &&
  !name.endsWith('.url')
