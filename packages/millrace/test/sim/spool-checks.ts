// What must hold at the end of a run with a spool: taken is stored once, nothing is stored twice,
// and the records of one process are in the order of its calls, for each partition. A record that
// was rejected permanently is a dead letter once, with headers that say where it was to go, or its
// failure was reported.

import type { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'

export interface SpoolEntry {
  readonly id: number
  /** The process that sent it. */
  readonly life: number
  readonly topic: string
  readonly partition: number
  /** It was reported as taken. */
  isTaken: boolean
  readonly bytes: number
}

export interface Refusal {
  /** Larger records fail permanently. */
  readonly bytesMax: number
  /** How many failures were reported. */
  readonly reports: number
  readonly deadLetterTopic: string | null
}

const idOf = (value: Uint8Array | null): number =>
  Number.parseInt(Buffer.from(value ?? []).toString(), 10)

/** Counts the dead letters of each record, and adds what is wrong with them to `found`. */
const countDeadLetters = (
  entries: readonly SpoolEntry[],
  cluster: TestCluster,
  deadLetterTopic: string | null,
  found: string[],
): Map<number, number> => {
  const counts = new Map<number, number>()
  if (deadLetterTopic === null) return counts
  for (const { value, headers } of cluster.records(deadLetterTopic)) {
    const id = idOf(value)
    counts.set(id, (counts.get(id) ?? 0) + 1)
    const entry = entries[id]
    const header = new Map(headers.map(([name, text]) => [name, String(text)]))
    const isRight =
      header.get('dead-letter.topic') === entry?.topic &&
      header.get('dead-letter.partition') === String(entry?.partition) &&
      header.get('dead-letter.broker-error') === 'MESSAGE_TOO_LARGE' &&
      ['no', 'maybe'].includes(header.get('dead-letter.persisted') ?? '')
    if (!isRight) found.push(`dead letter ${id} has the headers ${JSON.stringify([...header])}`)
  }
  return counts
}

/** Whether the record fails permanently: it is larger than its topic takes. */
const isRefused = ({ bytes }: SpoolEntry, bytesMax: number): boolean => bytes > bytesMax - 100

/** Dead letters that a process made: one for each refused record at most, or it is a loop. */
export const checkLetterCount = (
  entries: readonly SpoolEntry[],
  bytesMax: number,
  letterCount: number,
): string[] => {
  const refused = entries.filter((entry) => isRefused(entry, bytesMax)).length
  return letterCount <= refused ? [] : [`${letterCount} dead letters of ${refused} records`]
}

export const checkSpool = (
  entries: readonly SpoolEntry[],
  cluster: TestCluster,
  refusal: Refusal,
): string[] => {
  const found: string[] = []
  const counts = new Map<number, number>()
  const { deadLetterTopic } = refusal
  const letters = countDeadLetters(entries, cluster, deadLetterTopic, found)
  for (const topic of cluster.topics) {
    if (topic === deadLetterTopic) continue
    const last = new Map<number, number>()
    for (const { partition, value } of cluster.records(topic)) {
      const id = idOf(value)
      counts.set(id, (counts.get(id) ?? 0) + 1)
      const entry = entries[id]
      if (entry === undefined || entry.topic !== topic || entry.partition !== partition) {
        found.push(`${topic}-${partition} has record ${id}, which is not its own`)
        continue
      }
      const before = last.get(partition) ?? -1
      if (id < before) found.push(`${topic}-${partition}: record ${id} comes behind ${before}`)
      last.set(partition, Math.max(before, id))
    }
  }
  let refused = 0
  for (const entry of entries) {
    const { id, isTaken } = entry
    const letterCount = letters.get(id) ?? 0
    const count = (counts.get(id) ?? 0) + letterCount
    if (count > 1) {
      found.push(`record ${id} is stored ${count} times, ${letterCount} of them as a dead letter`)
    }
    if (!isTaken || count > 0) continue
    if (isRefused(entry, refusal.bytesMax)) refused++
    else found.push(`record ${id} was taken, and is lost`)
  }
  if (refused > refusal.reports) {
    found.push(`${refused} records were refused, and ${refusal.reports} failures were reported`)
  }
  return found
}
