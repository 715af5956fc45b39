// How long a program waits for its first acknowledgement: the import, then the connection,
// metadata, producer id and the record. The task comes as JSON in the first argument.
const { brokers, topics } = JSON.parse(process.argv[2])

const startedMs = performance.now()
const { Producer } = await import('../../packages/millrace/dist/src/index.js')
const importedMs = performance.now()
const producer = new Producer({ brokers })
await producer.send({ topic: topics[0], value: 'first' })
const firstMs = performance.now()
await producer.send({ topic: topics[0], value: 'second' })
const secondMs = performance.now()
const rssMegabytes = process.memoryUsage().rss / 2 ** 20
await producer.close()
const report = {
  nodeMs: startedMs,
  importMs: importedMs - startedMs,
  firstAckMs: firstMs - importedMs,
  secondAckMs: secondMs - firstMs,
  rssMegabytes,
  node: process.version,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
