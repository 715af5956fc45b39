// Owns Kafka's rule for topic names (org.apache.kafka.common.internals.Topic). Callers: the client
// checks names before it sends a request; the in-process cluster checks them as a broker does.
// Invariant: the rule is that of Kafka.

const lengthMax = 249
const legal = /^[a-zA-Z0-9._-]{1,249}$/

/** The problem with the name; null = none. */
export const topicNameProblem = (name: string): string | null => {
  if (legal.test(name) && name !== '.' && name !== '..') return null
  if (name === '') return 'a topic name must not be empty'
  if (name === '.' || name === '..') return 'a topic name must not be "." or ".."'
  if (name.length > lengthMax) {
    return `a topic name must have at most ${lengthMax} characters, got ${name.length}`
  }
  return (
    "a topic name must have only letters, digits, '.', '_' and '-', " +
    `got ${JSON.stringify(name)}`
  )
}
