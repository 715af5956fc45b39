// What the tests of the client's security share: options that get a producer into each listener of
// the secure broker.

import type { ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { unsecuredToken } from '../unit/in-process-cluster-sasl-kit.ts'
import { password, type SecureKafka, type SecureListener, user } from './fixture/secure-kafka.ts'

export type Mechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

/** True where a test may take minutes: `MILLRACE_LONG=1`. */
export const isLong = !['', '0', undefined].includes(process.env.MILLRACE_LONG)

/** Every way in, by listener and mechanism. */
export const waysIn = [
  ['TLS', undefined],
  ['MTLS', undefined],
  ['PLAIN', 'PLAIN'],
  ['SCRAM', 'SCRAM-SHA-256'],
  ['SCRAM', 'SCRAM-SHA-512'],
  ['OAUTH', 'OAUTHBEARER'],
  ['OPENPLAIN', 'PLAIN'],
] as const satisfies readonly (readonly [SecureListener, Mechanism | undefined])[]

/** A token that holds for ten minutes. */
export const freshToken = (): string =>
  unsecuredToken({ sub: user, exp: Math.floor(systemClock.wallTime() / 1000) + 600 })

const saslFor = (mechanism: Mechanism): NonNullable<ProducerOptions['sasl']> =>
  mechanism === 'OAUTHBEARER'
    ? { mechanism, token: async () => ({ value: freshToken() }) }
    : { mechanism, username: user, password }

/** Options of a producer that may use the listener. */
export const optionsFor = (
  { kafka, certificates }: SecureKafka,
  listener: SecureListener,
  mechanism?: Mechanism,
): ProducerOptions => ({
  brokers: kafka.brokersOn(listener),
  logger: silentLogger,
  ...(listener === 'OPENPLAIN'
    ? {}
    : { tls: { ca: certificates.ca, ...(listener === 'MTLS' ? certificates.client : {}) } }),
  ...(mechanism === undefined ? {} : { sasl: saslFor(mechanism) }),
})
