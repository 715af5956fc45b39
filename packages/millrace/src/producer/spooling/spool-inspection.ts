// Owns the inspection of a spool's directory: figures, damage, and records. It may be used while
// the owner runs, and on a copy. Caller: read-spool.ts, which loads it. Invariant: it takes no lock
// and changes nothing.

import { nodeFileSystem } from '../../runtime/node-file-system.ts'
import { systemProcesses } from '../../runtime/process-identity.ts'
import { lockHolder } from '../../spool/directory-lock.ts'
import { SpoolScan } from '../../spool/spool-scan.ts'
import { decodeRecord } from '../decoded-record.ts'
import type { ReadSpoolOptions, SpooledRecordView, SpoolInspection } from '../spool-views.ts'

export const inspect = async (directory: string): Promise<SpoolInspection> => {
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
  { all = false, onDamage }: ReadSpoolOptions,
): AsyncGenerator<SpooledRecordView> {
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
