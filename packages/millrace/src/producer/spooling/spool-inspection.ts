// Owns the inspection of a spool's directory: figures, damage, and records. It may be used while
// the owner runs, and on a copy. Caller: read-spool.ts, which loads it. Invariant: it takes no lock
// and changes nothing.

import { KafkaError } from '../../protocol/kafka-error.ts'
import { nodeFileSystem } from '../../runtime/node-file-system.ts'
import { systemProcesses } from '../../runtime/process-identity.ts'
import { describeValue } from '../../runtime/value-kinds.ts'
import { lockHolder } from '../../spool/directory-lock.ts'
import { SpoolScan } from '../../spool/spool-scan.ts'
import { decodeRecord } from '../decoded-record.ts'
import { checkFields } from '../field-check.ts'
import type { ReadSpoolOptions, SpooledRecordView, SpoolInspection } from '../spool-views.ts'

const checkReadOptions = (given: ReadSpoolOptions): ReadSpoolOptions => {
  const options = checkFields('options', given, ['all', 'onDamage'])
  const { all, onDamage } = options
  const wrong = (name: string, expectation: string, value: unknown): KafkaError =>
    new KafkaError(
      'INVALID_ARGUMENT',
      `${name} must be ${expectation}, got ${describeValue(value)}`,
    )
  if (all !== undefined && typeof all !== 'boolean') throw wrong('all', 'true or false', all)
  if (onDamage !== undefined && typeof onDamage !== 'function') {
    throw wrong('onDamage', 'a function', onDamage)
  }
  return options
}

const checkDirectory = (directory: unknown): void => {
  if (typeof directory === 'string' && directory !== '') return
  const message = `directory must be the path of a spool, got ${describeValue(directory)}`
  throw new KafkaError('INVALID_ARGUMENT', message)
}

export const inspect = async (directory: string): Promise<SpoolInspection> => {
  checkDirectory(directory)
  const scan = new SpoolScan(nodeFileSystem, directory)
  const { settled, batches, recordCount, nextId } = await scan.states()
  const topics = new Map<string, { records: number; bytes: number }>()
  let unsettled = 0
  let oldestAt: number | null = null
  // The first scan has found the damage.
  for await (const record of new SpoolScan(nodeFileSystem, directory).records()) {
    if (record.id >= nextId || settled.has(record.id)) continue
    unsettled++
    oldestAt ??= record.takenAt
    const { topic, content } = record
    const sum = topics.get(topic) ?? { records: 0, bytes: 0 }
    topics.set(topic, { records: sum.records + 1, bytes: sum.bytes + content.length })
  }
  return {
    ...scan.result,
    directory,
    holder: await lockHolder(nodeFileSystem, systemProcesses, directory),
    records: unsettled,
    settledRecords: recordCount - unsettled,
    batchesInDoubt: batches.size,
    oldestAt,
    topics: [...topics].map(([topic, sums]) => ({ topic, ...sums })),
  }
}

export async function* read(
  directory: string,
  options: ReadSpoolOptions,
): AsyncGenerator<SpooledRecordView> {
  checkDirectory(directory)
  const { all = false, onDamage } = checkReadOptions(options)
  const scan = new SpoolScan(nodeFileSystem, directory)
  const { settled, nextId } = await scan.states()
  for (const damage of scan.result.damage) onDamage?.(damage)
  for await (const record of new SpoolScan(nodeFileSystem, directory).records()) {
    const isSettled = settled.has(record.id)
    if (record.id >= nextId || (isSettled && !all)) continue
    const {
      key,
      value,
      headers = [],
      timestamp,
      topic,
      partition,
    } = decodeRecord(record, 'spool', `record ${record.id}`)
    yield { topic, partition: partition ?? null, timestamp, key, value, headers, isSettled }
  }
}
