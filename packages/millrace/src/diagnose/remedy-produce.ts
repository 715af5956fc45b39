// The remedy for a failure of the test record, as one sentence. It keeps no state. Caller:
// produce-step.ts.

import { idempotentWriteMissing, KafkaError } from '../protocol/kafka-error.ts'

/** The error of a broker in the chain of causes. */
const brokerErrorOf = (error: unknown): KafkaError | null => {
  let cause = error
  for (let depth = 0; depth < 5 && cause instanceof KafkaError; depth++) {
    if (cause.brokerError !== undefined) return cause
    cause = cause.cause
  }
  return null
}

const remedies: Readonly<Record<string, (topic: string) => string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: (topic) =>
    `Create the topic ${topic} (\`millrace topics create ${topic}\`), or set ` +
    'allowAutoTopicCreation to true, if the brokers create topics automatically.',
  INVALID_TOPIC_EXCEPTION: () =>
    "Correct the topic's name: it has 1 to 249 letters, digits, '.', '_' or '-'.",
  TOPIC_AUTHORIZATION_FAILED: (topic) =>
    `Grant this user the rights WRITE and DESCRIBE on the topic ${topic} (kafka-acls.sh --add).`,
  CLUSTER_AUTHORIZATION_FAILED: () => idempotentWriteMissing,
  LEADER_NOT_AVAILABLE: (topic) =>
    `Bring the brokers back that have ${topic}: none of its partitions has a leader now.`,
  NOT_ENOUGH_REPLICAS: (topic) =>
    `Bring the missing replicas of ${topic} back: fewer are in sync than its min.insync.replicas.`,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: (topic) =>
    `Bring the missing replicas of ${topic} back: fewer are in sync than its min.insync.replicas.`,
}

export const produceRemedy = (error: KafkaError, topic: string): string => {
  const responded = brokerErrorOf(error)
  const remedy = Object.hasOwn(remedies, responded?.brokerError ?? '')
    ? remedies[responded?.brokerError ?? '']
    : undefined
  if (remedy !== undefined) return remedy(topic)
  if (error.code === 'UNKNOWN_TOPIC') return remedies.UNKNOWN_TOPIC_OR_PARTITION?.(topic) ?? ''
  if (responded !== null) {
    const { brokerError, brokerCode } = responded
    const name = `${brokerError} (${brokerCode})`
    return `Check the log of the brokers for ${name}: they reject the record.`
  }
  const { cause } = error
  return cause instanceof KafkaError ? cause.remedy : error.remedy
}
