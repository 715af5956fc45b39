// Reads a topic back after a run: a fast run that loses or doubles something is no run. Keys are
// the records' numbers, so that their order in each partition can be seen.
import { readTopicBatches } from '../../packages/millrace/dist/src/testing.js'

/**
 * Counts what the topic holds of records 0 to `recordCount` - 1 and of the warm-up behind them.
 * `outOfOrder` counts records that lie behind one with a higher number in their partition.
 */
export const readBack = async (brokers, topic, recordCount, warmupCount) => {
  const seen = new Uint8Array(recordCount + warmupCount)
  const highest = new Map()
  const found = { records: 0, batches: 0, doubled: 0, foreign: 0, outOfOrder: 0 }
  for await (const batch of readTopicBatches({ brokers, topic })) {
    found.batches++
    let last = highest.get(batch.partition) ?? -1
    for (const { key } of batch.records) {
      found.records++
      const number = Number(key.toString('latin1'))
      if (!(number >= 0 && number < seen.length)) found.foreign++
      else if (seen[number]++ > 0) found.doubled++
      if (number >= recordCount) continue
      if (number < last) found.outOfOrder++
      else last = number
    }
    highest.set(batch.partition, last)
  }
  let missing = 0
  for (const count of seen) if (count === 0) missing++
  return { ...found, missing, recordsPerBatch: found.records / found.batches }
}

/** Describes what is wrong with the run; null = nothing. */
export const defectOf = ({ missing, doubled, foreign }) =>
  missing + doubled + foreign === 0
    ? null
    : `${missing} records missing, ${doubled} doubled, ${foreign} foreign`
