// Reads keys as hexadecimal lines, prints one line per key: its partition for each count, by
// kafkajs's LegacyPartitioner. KAFKAJS names the folder of the package.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const { Partitioners } = createRequire(import.meta.url)(join(process.env.KAFKAJS, 'index.js'))
const partitioner = Partitioners.LegacyPartitioner()
const counts = process.argv.slice(2).map(Number)

for await (const line of createInterface({ input: process.stdin })) {
  const message = { key: Buffer.from(line, 'hex') }
  const partitions = counts.map((count) => {
    const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
      partitionId,
      leader: 1,
    }))
    return partitioner({ topic: 'topic', partitionMetadata, message })
  })
  console.log(partitions.join(','))
}
