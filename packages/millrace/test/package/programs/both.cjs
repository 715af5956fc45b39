// Both builds of the library in one process, as in an ES module program one of whose dependencies
// requires millrace: an error of either is an instance of the other's class, and a subscriber of
// the diagnostics channels receives the events of both. Prints one line of JSON.

const { subscribe } = require('node:diagnostics_channel')
const required = require('millrace')

const environment = process.env

const errorOf = ({ Producer }) => {
  try {
    new Producer({ brokers: [] })
  } catch (error) {
    return error
  }
}

const main = async () => {
  const imported = await import('millrace')
  if (imported.Producer === required.Producer) throw new Error('there is only one build')
  let events = 0
  subscribe('millrace:batch.settled', () => {
    events += 1
  })
  for (const { Producer } of [imported, required]) {
    const producer = new Producer({ brokers: environment.MILLRACE_BROKERS })
    await producer.send({ topic: environment.MILLRACE_TOPIC, value: 'one' })
    await producer.close()
  }
  const importsError = errorOf(required) instanceof imported.KafkaError
  const requiresError = errorOf(imported) instanceof required.KafkaError
  console.log(JSON.stringify({ importsError, requiresError, events }))
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
