// The sections of scaling.mjs: what is varied, how it is loaded, and which figures are shown. A
// variant has the peer's count of nodes, its topics (`topicCount` times `partitions`) and the task
// of its child; a column is a heading and how its cell is made of a variant's medians and of the
// first variant's.
import { figure } from '../lib/statistics.mjs'

const recordsPerSecond = 200_000
/** What a record adds around its value, and a little more: the largest that fits into 1 MiB. */
const recordRoomBytes = 1024
const mebibyte = 2 ** 20

const column = (head, of) => ({ head, of })
const value = (head, name, digits = 0) => column(head, (result) => figure(result[name], digits))

const rate = value('records/s', 'recordsPerSecond')
const cpu = value('µs CPU/record', 'cpuUsPerRecord', 2)
const growth = column('×', (result, first) =>
  figure(result.cpuUsPerRecord / first.cpuUsPerRecord, 2),
)
const recordsPerBatch = value('records/batch', 'recordsPerBatch', 1)
const rss = value('peak RSS MB', 'peakRssMegabytes')
const loopP99 = value('loop p99 ms', 'loopDelayP99Ms', 1)
const requestMs = value('request p50 ms', 'requestMs', 1)

const paced = (title, partitions, more = {}) => ({
  title,
  partitions,
  ...more,
  task: { recordsPerSecond, warmupMs: 3000, ...more.task },
})

const spread = (title, partitions, options = {}) =>
  paced(title, partitions, {
    nodes: 100,
    task: { recordsPerSecond: 50_000, warmupMs: 5000, options },
  })

const flooded = (title, task, more = {}) => ({
  title,
  partitions: 6,
  ...more,
  task: { warmupMs: 1500, ...task },
})

const sizes = [10, 100, 1024, 10 * 1024, 100 * 1024, mebibyte]
const sizeTitle = (bytes) =>
  bytes < 1024 ? `${bytes} B` : bytes < mebibyte ? `${bytes / 1024} KiB` : '1 MiB'

export const sections = {
  partitions: {
    title: 'Partitions: 200,000 records/s with keys, a callback each',
    script: 'load',
    variants: [
      paced('6', 6),
      paced('1,000', 1000, { task: { warmupMs: 5000 } }),
      paced('10,000', 10_000, { task: { warmupMs: 10_000 } }),
      paced('10,000, buffer of 256 MiB', 10_000, {
        task: { warmupMs: 10_000, options: { bufferMemoryBytes: 256 * mebibyte } },
      }),
    ],
    columns: [
      rate,
      cpu,
      growth,
      recordsPerBatch,
      value('batches/request', 'batchesPerRequest'),
      requestMs,
      rss,
      loopP99,
    ],
    note: 'A broker makes 5,000 partitions of a topic at once: 10,000 are two topics.',
  },
  growth: {
    title: 'Partitions over 100 brokers: 50,000 records/s with keys, a callback each',
    script: 'load',
    variants: [
      spread('6', 6),
      spread('1,000', 1000),
      spread('10,000', 10_000),
      spread('6, batches of 1 KiB', 6, { batchBytes: 1024 }),
      spread('6, linger of 20 ms', 6, { lingerMs: 20 }),
      spread('1,000, linger of 200 ms', 1000, { lingerMs: 200 }),
      spread('10,000, linger of 1 s', 10_000, { lingerMs: 1000 }),
    ],
    columns: [
      rate,
      cpu,
      growth,
      recordsPerBatch,
      value('batches/request', 'batchesPerRequest', 1),
      requestMs,
      rss,
      loopP99,
    ],
    note: 'For the in-process cluster (--peer cluster). Compare rows with like batches.',
  },
  brokers: {
    title: 'Brokers: 200,000 records/s on 6 partitions, not replicated',
    script: 'load',
    variants: [paced('1', 6), paced('3', 6, { nodes: 3 })],
    columns: [rate, cpu, growth, recordsPerBatch, requestMs, rss, loopP99],
  },
  sizes: {
    title: 'Record size: as fast as it goes, 6 partitions',
    script: 'load',
    config: { 'max.message.bytes': String(8 * mebibyte), 'retention.bytes': String(64 * mebibyte) },
    variants: sizes.map((bytes) =>
      flooded(sizeTitle(bytes), {
        valueBytes: bytes === mebibyte ? mebibyte - recordRoomBytes : bytes,
      }),
    ),
    columns: [
      rate,
      column('MB/s', ({ bytesPerSecond }) => figure(bytesPerSecond / 1e6, 1)),
      cpu,
      recordsPerBatch,
      rss,
      loopP99,
    ],
  },
  topics: {
    title: 'Topics: 200,000 records/s, taking turns over the topics, 1,000 partitions or fewer',
    script: 'load',
    variants: [
      paced('1 topic of 6', 6),
      paced('100 topics of 1', 1, { topicCount: 100 }),
      paced('1 topic of 1,000', 1000),
      paced('1,000 topics of 1', 1, { topicCount: 1000 }),
    ],
    columns: [rate, cpu, growth, recordsPerBatch, requestMs, rss, loopP99],
  },
  producers: {
    title: 'Producers in one process: 200,000 records/s together, 6 partitions',
    script: 'load',
    variants: [1, 4, 24].map((count) =>
      paced(String(count), 6, { task: { producerCount: count } }),
    ),
    columns: [rate, cpu, growth, recordsPerBatch, requestMs, rss, loopP99],
  },
  idle: {
    title: 'At rest for 10 s after one record each',
    script: 'idle',
    variants: [1, 24].map((count) => ({
      title: `${count} ${count === 1 ? 'producer' : 'producers'}`,
      partitions: 6,
      task: { producerCount: count, idleMs: 10_000 },
    })),
    columns: [
      value('ms CPU per second', 'cpuMsPerSecond', 2),
      value('KB each', 'kilobytesPerProducer'),
    ],
  },
  memory: {
    title: 'Memory when full and no broker responds (100 B records)',
    script: 'memory',
    variants: [
      ...[8, 32, 128].map((megabytes) => ({
        title: `enqueue, buffer of ${megabytes} MiB`,
        partitions: 6,
        task: { bufferMemoryBytes: megabytes * mebibyte, valueBytes: 100, results: 'callback' },
      })),
      {
        title: 'send not awaited, buffer of 32 MiB',
        partitions: 6,
        task: { bufferMemoryBytes: 32 * mebibyte, valueBytes: 100, results: 'promise' },
      },
    ],
    columns: [
      value('records held', 'recordsHeld'),
      value('counted MiB', 'heldMegabytes', 1),
      value('RSS + MiB', 'rssGrowthMegabytes', 1),
      value('heap + MiB', 'heapGrowthMegabytes', 1),
      value('buffers + MiB', 'externalGrowthMegabytes', 1),
    ],
  },
  startup: {
    title: 'Start-up: import, then the first record',
    script: 'startup',
    variants: Array.from({ length: 5 }, (_, index) => ({
      title: `start ${index + 1}`,
      partitions: 6,
      task: {},
    })),
    columns: [
      value('Node ms', 'nodeMs'),
      value('import ms', 'importMs'),
      value('first ack ms', 'firstAckMs', 1),
      value('second ack ms', 'secondAckMs', 1),
      value('RSS MB', 'rssMegabytes'),
    ],
  },
  loop: {
    title: 'Event-loop delay while flooding, 100 B records, 6 partitions',
    script: 'load',
    variants: [
      flooded('enqueue with callback', { results: 'callback' }),
      flooded('enqueue without', { results: 'none' }),
      flooded('send not awaited, with ready()', { results: 'promise' }),
    ],
    columns: [
      rate,
      cpu,
      value('p50 ms', 'loopDelayP50Ms', 1),
      value('p99 ms', 'loopDelayP99Ms', 1),
      value('max ms', 'loopDelayMaxMs', 1),
      rss,
    ],
    note: 'The timer behind the delay has a resolution of 1 ms: about 1.1 ms is none at all.',
  },
}
