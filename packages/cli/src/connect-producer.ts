// Waits for a producer's first broker. A listener that closes each connection before it responds
// (SASL or TLS that the options lack, or the reverse) does not change by waiting, so the wait ends
// with the reason after a few rounds. A broker that is not there yet is waited for. Callers:
// produce and perf, before their first record; a running producer retries by itself.

import type { KafkaError, Producer, WaitOptions } from 'millrace'

/** With the producer's backoff these take one to five seconds. */
const closedRoundsMax = 5

/** The peer closed the connection after it was open, and before it responded to what was sent. */
const isClosedByPeer = ({ code, kind, step }: KafkaError): boolean =>
  kind === 'retriable' && (code === 'CONNECTION_LOST' || step === 'tls' || step === 'api-versions')

/** The error of the last round, if so many rounds ended alike; null if `signal` ended them. */
const closedRounds = async (
  producer: Producer,
  signal: AbortSignal,
): Promise<KafkaError | null> => {
  for (let closed = 0; ; ) {
    try {
      await producer.connect({ timeoutMs: 0, signal })
      return null
    } catch (thrown) {
      const error = thrown as KafkaError
      if (signal.aborted || error.kind !== 'retriable') return null
      closed = isClosedByPeer(error) ? closed + 1 : 0
      if (closed === closedRoundsMax) return error
    }
  }
}

/** Like `producer.connect`. */
export const connectProducer = async (
  producer: Producer,
  wait: WaitOptions & { readonly signal: AbortSignal },
): Promise<void> => {
  const ended = new AbortController()
  const signal = AbortSignal.any([wait.signal, ended.signal])
  let reason: KafkaError | null = null
  const rounds = closedRounds(producer, signal).then((error) => {
    reason = error
    if (error !== null) ended.abort()
  })
  try {
    await producer.connect({ ...wait, signal })
  } catch (error) {
    throw reason ?? error
  } finally {
    ended.abort()
    await rounds
  }
}
