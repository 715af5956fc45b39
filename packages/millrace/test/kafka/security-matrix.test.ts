// Every way into a real broker: our producer writes over TLS, mutual TLS and each SASL mechanism,
// and Java's consumer, which comes the same way, reads what was written, byte for byte.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Producer } from '../../src/index.ts'
import { javaConsume } from './fixture/index.ts'
import { type SecureKafka, startSecureKafka } from './fixture/secure-kafka.ts'
import { checkRecord, recordOf } from './producer-kit.ts'
import { optionsFor, waysIn } from './security-kit.ts'

/** A newer and an older protocol; the full set and a part of it. */
const releases = [
  { version: '4.4.0', ways: waysIn, count: 2000 },
  {
    version: '3.9.1',
    ways: waysIn.filter(([, mechanism]) => mechanism !== 'PLAIN' && mechanism !== 'SCRAM-SHA-256'),
    count: 200,
  },
] as const

for (const { version, ways, count } of releases) {
  describe(`Kafka ${version}, reached in every secure way`, () => {
    let secure: SecureKafka
    before(async () => {
      secure = await startSecureKafka({ version })
    })
    after(() => secure?.[Symbol.asyncDispose]())

    for (const [listener, mechanism] of ways) {
      const way = mechanism === undefined ? listener : `${listener} by ${mechanism}`
      it(`${way}: Java reads what was sent`, async () => {
        const topic = `by-${listener}-${mechanism ?? 'certificate'}`
        await secure.kafka.admin.createTopic(topic)
        const records = Array.from({ length: count }, (_, index) => recordOf(index, topic))
        await using producer = new Producer(optionsFor(secure, listener, mechanism))
        const { failedIndexes } = await producer.sendBatch(records)
        assert.deepEqual(failedIndexes, [])
        const found = await javaConsume({
          version,
          brokers: secure.kafka.brokersOn(listener),
          topic,
          properties: secure.javaSettings(listener, mechanism),
        })
        assert.equal(found.length, count)
        for (const [index, record] of found.entries()) {
          checkRecord(record, records[index]!, `record ${index}`)
        }
        assert.equal(producer.metrics().connectionFailures, 0)
      })
    }
  })
}
