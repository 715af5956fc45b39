// What a program outside the repository does with the installed packages: sends with every codec,
// reads back over the wire, and compares. deliver.mjs and require.cjs hand it the doors, each as its
// kind of module gets them; the answer is one line of JSON.

const environment = process.env

const textOf = (codec, index) =>
  `${codec} ${index} ${'a long road is made of short ones; '.repeat(9)}`

const securityOf = () =>
  environment.MILLRACE_CA === undefined ? {} : { tls: { ca: environment.MILLRACE_CA } }

/** Sends the records of one codec; they are acknowledged when it resolves. */
const send = async (Producer, codec, topic, count) => {
  const options = { brokers: environment.MILLRACE_BROKERS, compression: codec, ...securityOf() }
  const producer = new Producer(options)
  const records = Array.from({ length: count }, (_, index) => ({
    topic,
    key: `${codec}-${index}`,
    value: textOf(codec, index),
    headers: { codec },
  }))
  try {
    const last = records.pop()
    const { failedIndexes, results } = await producer.sendBatch(records)
    if (failedIndexes.length > 0) throw results[failedIndexes[0]]
    const { offset } = await producer.send(last)
    if (!Number.isSafeInteger(offset) || offset < 0) throw new Error(`an offset of ${offset}`)
  } finally {
    await producer.close()
  }
}

/** The records of every codec must be there, each once, as they were sent. */
const readBack = async (readTopic, topic, codecs, count) => {
  const wanted = new Map()
  for (const codec of codecs) {
    for (let index = 0; index < count; index += 1) {
      wanted.set(`${codec}-${index}`, textOf(codec, index))
    }
  }
  const brokers = (environment.MILLRACE_READ_BROKERS ?? environment.MILLRACE_BROKERS).split(',')
  for await (const { key, value } of readTopic({ brokers, topic })) {
    const name = String(key)
    if (wanted.get(name) !== String(value))
      throw new Error(`${name} is not as it was sent, or twice`)
    wanted.delete(name)
  }
  if (wanted.size > 0) throw new Error(`missing: ${[...wanted.keys()].slice(0, 5)}`)
}

/** An error that one door throws is the class that the other door shows. */
const sameClass = async (KafkaError, readTopic) => {
  try {
    for await (const _ of readTopic({ brokers: ['127.0.0.1:1'], topic: 'x', timeoutMs: 300 }));
  } catch (error) {
    return error instanceof KafkaError
  }
  return false
}

exports.deliver = async ({ Producer, KafkaError }, { readTopic }) => {
  const codecs = (environment.MILLRACE_CODECS ?? 'none,gzip,snappy,lz4,zstd').split(',')
  const topic = environment.MILLRACE_TOPIC
  const count = Number(environment.MILLRACE_COUNT ?? 300)
  const codecErrors = {}
  const delivered = []
  for (const codec of codecs) {
    try {
      await send(Producer, codec, topic, count)
      delivered.push(codec)
    } catch (error) {
      codecErrors[codec] = `${error.code}: ${error.message}`
    }
  }
  await readBack(readTopic, topic, delivered, count)
  const isSameClass = await sameClass(KafkaError, readTopic)
  console.log(JSON.stringify({ delivered, codecErrors, isSameClass, count }))
}
