// The checks that every broker gets, each against a fresh topic: what our producer says was written
// is what foreign clients read, byte for byte, in order, once.

import assert from 'node:assert/strict'
import {
  Admin,
  KafkaError,
  Producer,
  type ProducerOptions,
  type ProducerRecord,
} from '../../../src/index.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { silentLogger } from '../../../src/runtime/logger.ts'
import { pause } from '../../soak/load-process.ts'
import type { ConsumedRecord } from '../fixture/index.ts'
import { checkRecord, recordOf } from '../producer-kit.ts'
import type { Reader, Target, TargetKind } from './target.ts'

/** How a check went; `note` says more, or why it failed. */
export interface Outcome {
  readonly state: 'passed' | 'failed' | 'limited' | 'not offered'
  readonly note: string
}

export interface CheckSizes {
  /** Records of each codec. */
  readonly records: number
  /** How long records are sent while the broker restarts. */
  readonly restartMs: number
}

export const longSizes: CheckSizes = { records: 2_000, restartMs: 6_000 }
export const shortSizes: CheckSizes = { records: 300, restartMs: 2_000 }

export interface CheckContext {
  readonly kind: TargetKind
  readonly target: Target
  readonly sizes: CheckSizes
}

type Check = (context: CheckContext) => Promise<Outcome>

const passed = (note = ''): Outcome => ({ state: 'passed', note })
const notOffered = (note = ''): Outcome => ({ state: 'not offered', note })

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

const producerFor = (target: Target, options: Partial<ProducerOptions> = {}): Producer =>
  new Producer({ brokers: [...target.brokers], logger: silentLogger, ...options })

let nameCount = 0
const newName = (name: string): string => `${name}-${process.pid}-${++nameCount}`

/** A topic with three partitions: created here where the broker does not create it by itself. */
const newTopic = async ({ kind, target }: CheckContext, name: string): Promise<string> => {
  const topic = newName(name)
  if (!kind.createsTopics) {
    await using admin = new Admin({ brokers: [...target.brokers] })
    await admin.createTopic({ name: topic, partitions: 3 })
  }
  return topic
}

/** Where each record should be, by `partition:offset`. */
type Expected = ReadonlyMap<string, ProducerRecord>

const sendAll = async (producer: Producer, records: readonly ProducerRecord[]) => {
  const expected = new Map<string, ProducerRecord>()
  const sends = records.map(async (record) => {
    const { partition, offset } = await producer.send(record)
    const at = `${partition}:${offset}`
    assert.ok(!expected.has(at), `${at} was reported twice`)
    expected.set(at, record)
  })
  await Promise.all(sends)
  return expected
}

const checkOrder = (found: readonly ConsumedRecord[]): void => {
  const last = new Map<number, number>()
  for (const { partition, offset } of found) {
    assert.ok(offset > (last.get(partition) ?? -1), `${partition}:${offset} is out of order`)
    last.set(partition, offset)
  }
}

/** kcat prints headers in a form that can't be parsed back: they are not compared. */
const comparable = (record: ProducerRecord, reader: Reader): ProducerRecord =>
  reader.name === 'kcat' ? { ...record, headers: undefined } : record

const checkReader = async (
  reader: Reader,
  topic: string,
  expected: Expected,
  committed = false,
): Promise<void> => {
  const found = await reader.read(topic, { count: expected.size, committed })
  assert.equal(found.length, expected.size, `records that ${reader.name} found in ${topic}`)
  checkOrder(found)
  for (const record of found) {
    const at = `${record.partition}:${record.offset}`
    const sent = expected.get(at)
    assert.ok(sent !== undefined, `${reader.name} found ${at}, which was never reported`)
    checkRecord(record, comparable(sent, reader), `${at}, read by ${reader.name}`)
  }
}

const checkReaders = async (
  { readers }: Target,
  topic: string,
  expected: Expected,
  committed = false,
): Promise<void> => {
  for (const reader of readers) await checkReader(reader, topic, expected, committed)
}

/** A codec that the broker does not know fails at once, and nothing is written. */
const checkRejected = async (context: CheckContext, compression: (typeof codecs)[number]) => {
  await using producer = producerFor(context.target, { compression })
  const topic = await newTopic(context, 'refused')
  const value = 'repeat '.repeat(100)
  const started = performance.now()
  await assert.rejects(producer.send({ topic, value }), (error: unknown) => {
    assert.ok(error instanceof KafkaError, String(error))
    assert.equal(error.persisted, 'no', error.message)
    return true
  })
  assert.ok(performance.now() - started < 15_000, `${compression} was rejected late`)
}

/** Records of all shapes, with each codec. */
const checkRecords: Check = async (context) => {
  const { kind, target, sizes } = context
  for (const compression of codecs) {
    if (kind.rejectedCodecs.includes(compression)) {
      await checkRejected(context, compression)
      continue
    }
    if (kind.unreadCodecs?.includes(compression)) continue
    const topic = await newTopic(context, compression)
    await using producer = producerFor(target, { compression })
    const records = Array.from({ length: sizes.records }, (_, index) => recordOf(index, topic))
    const expected = await sendAll(producer, records)
    await checkReaders(target, topic, expected)
  }
  const { rejectedCodecs, unreadCodecs = [] } = kind
  const notes = [
    ...rejectedCodecs.map((codec) => `${codec} rejected at once`),
    ...unreadCodecs.map((codec) => `not ${codec}: the broker can't return it`),
  ]
  return passed(notes.join('; '))
}

/** The idempotent producer, and one without idempotence. */
const checkIdempotence: Check = async (context) => {
  const { target, sizes } = context
  for (const options of [{ idempotent: true }, { acks: 1, idempotent: false }] as const) {
    const topic = await newTopic(context, options.idempotent ? 'idempotent' : 'plain')
    await using producer = producerFor(target, options)
    const records = Array.from({ length: sizes.records }, (_, index) => ({
      topic,
      partition: index % 3,
      value: `${index}`,
    }))
    await checkReaders(target, topic, await sendAll(producer, records))
  }
  return passed()
}

const transactionRecords = (topic: string, name: string): ProducerRecord[] =>
  Array.from({ length: 30 }, (_, index) => ({
    topic,
    partition: index % 3,
    value: `${name} ${index}`,
  }))

/** Two transactions are committed, one between them is aborted. */
const checkTransactions: Check = async (context) => {
  const { kind, target } = context
  if (kind.transactions === 'no') return notOffered()
  const topic = await newTopic(context, 'transactions')
  await using producer = producerFor(target, { transactionalId: newName('id') })
  const expected = new Map<string, ProducerRecord>()
  for (const name of ['first', 'aborted', 'second']) {
    const transaction = await producer.beginTransaction()
    for (const record of transactionRecords(topic, name)) {
      const { partition, offset } = await transaction.send(record)
      if (name !== 'aborted' || kind.transactions === 'unread')
        expected.set(`${partition}:${offset}`, record)
    }
    if (name === 'aborted') await transaction.abort()
    else await transaction.commit()
  }
  await checkReaders(target, topic, expected, true)
  return passed(kind.transactions === 'unread' ? 'its readers see aborted records' : '')
}

const checkListener = async (
  context: CheckContext,
  options: Partial<ProducerOptions>,
): Promise<void> => {
  const topic = await newTopic(context, 'secure')
  await using producer = producerFor(context.target, options)
  const sends = Array.from({ length: 20 }, (_, index) =>
    producer.send({ topic, value: `${index}` }),
  )
  assert.equal((await Promise.all(sends)).length, 20)
}

const checkTls: Check = async (context) => {
  const { target } = context
  if (target.tls === null) return notOffered()
  await checkListener(context, target.tls)
  return passed()
}

const checkSasl: Check = async (context) => {
  const mechanisms = Object.entries(context.target.sasl)
  if (mechanisms.length === 0) return notOffered()
  for (const [, options] of mechanisms) await checkListener(context, options)
  return passed(mechanisms.map(([mechanism]) => mechanism).join(', '))
}

/** Sending goes on while the broker's process ends and is started again. */
const checkRestart: Check = async (context) => {
  const { target, sizes } = context
  const { restart } = target
  if (restart === null) return notOffered('its data is in memory')
  const topic = await newTopic(context, 'restart')
  await using producer = producerFor(target, { deliveryTimeoutMs: 110_000 })
  const expected = new Map<string, ProducerRecord>()
  const sends: Promise<void>[] = []
  const send = (index: number): void => {
    const record = { topic, partition: index % 3, value: `${index}` }
    const sent = producer.send(record)
    sends.push(
      sent.then(({ partition, offset }) => void expected.set(`${partition}:${offset}`, record)),
    )
    // A failure is thrown by Promise.all below; until then it must not end the process.
    sends.at(-1)?.catch(() => {})
  }
  send(0)
  await Promise.all(sends)
  let isOver = false
  const load = (async () => {
    for (let index = 1; !isOver && index < 20_000; index++) {
      send(index)
      if (index % 5 === 0) await pause(5)
    }
  })()
  await pause(sizes.restartMs / 4)
  await restart()
  await pause(sizes.restartMs / 2)
  isOver = true
  await load
  await Promise.all(sends)
  assert.equal(expected.size, sends.length, 'two records have one offset')
  await checkReaders(target, topic, expected)
  return passed(`${target.restartWay}, ${sends.length} records`)
}

/** The checks, by the heads of the table's columns. */
export const checks = {
  'records, codecs': checkRecords,
  idempotence: checkIdempotence,
  transactions: checkTransactions,
  TLS: checkTls,
  SASL: checkSasl,
  restart: checkRestart,
} as const satisfies Record<string, Check>

export type CheckName = keyof typeof checks

const limitMs = 240_000

/** The first line of an error, and the last ones, which say why a broker's process ended. */
const noteOf = (text: string): string => {
  const [first = '', ...rest] = text.split(/\s*\n\s*/)
  return [first, ...rest.slice(-5)].join(' ')
}

/** Never rejects: what fails is in the outcome. */
export const runCheck = async (name: CheckName, context: CheckContext): Promise<Outcome> => {
  const known = context.kind.limits?.[name]
  if (known !== undefined) return { state: 'limited', note: known }
  let onLate = (): void => {}
  const late = new Promise<never>((_, reject) => {
    onLate = () => reject(new Error(`not over after ${limitMs} ms`))
  })
  const timer = systemClock.setTimer(limitMs, onLate)
  try {
    return await Promise.race([checks[name](context), late])
  } catch (error) {
    const text = error instanceof KafkaError ? `${error.code}: ${error.message}` : String(error)
    return { state: 'failed', note: noteOf(text) }
  } finally {
    timer.cancel()
  }
}
