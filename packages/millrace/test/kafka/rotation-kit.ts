// What the tests of rotating secrets share: a steady load that never pauses for a rotation, a
// folder of secrets that is replaced as Kubernetes replaces it, and the account of a run. The long
// form (`npm run rotation`) repeats the rotations for two minutes.

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { javaConsume } from './fixture/index.ts'

export const isLong = process.env.MILLRACE_ROTATION === 'long'
export const recordsPerSecond = 5000
const longMs = 120_000
const tickMs = 5
const untilMsMax = 60_000

/** A file that a producer reads for each authentication; a test can wait for that. */
export class WatchedFile {
  readonly #path: string
  #waiting: (() => void)[] = []

  constructor(path: string) {
    this.#path = path
  }

  /** Rejects where there is no file. */
  async read(): Promise<string> {
    for (const resolve of this.#waiting.splice(0)) resolve()
    return readFile(this.#path, 'utf8')
  }

  /** Resolves when it is read again. */
  untilRead(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** Kafka's `connections.max.reauth.ms` of these tests. */
export const sessionMs = 3000

/** Sends numbered records at an even pace to one partition, and counts what becomes of them. */
export class SteadyLoad {
  readonly #producer: Producer
  readonly #topic: string
  readonly #startedAtMs = systemClock.now()
  readonly #waiting: { goal: number; resolve: () => void; reject: (error: unknown) => void }[] = []
  readonly #failures: unknown[] = []
  #sent = 0
  #delivered = 0
  #isStopped = false

  constructor(producer: Producer, topic: string) {
    this.#producer = producer
    this.#topic = topic
    this.#tick()
  }

  get sent(): number {
    return this.#sent
  }

  get failures(): readonly unknown[] {
    return this.#failures
  }

  get elapsedMs(): number {
    return systemClock.now() - this.#startedAtMs
  }

  /** Resolves once this many records of those sent from now on were delivered. */
  delivered(count: number): Promise<void> {
    const goal = this.#sent + count
    return new Promise((resolve, reject) => {
      if (this.#failures.length > 0) reject(this.#failures[0])
      else this.#waiting.push({ goal, resolve, reject })
    })
  }

  /** Sends no more. */
  stop(): void {
    this.#isStopped = true
  }

  #tick(): void {
    if (this.#isStopped) return
    const due = (this.elapsedMs * recordsPerSecond) / 1000
    while (this.#sent < due) this.#send(this.#sent++)
    systemClock.setTimer(tickMs, () => this.#tick())
  }

  #send(number: number): void {
    const record = { topic: this.#topic, partition: 0, value: String(number) }
    this.#producer.send(record).then(
      () => this.#onDelivered(),
      (error) => this.#onFailed(error),
    )
  }

  #onDelivered(): void {
    this.#delivered++
    const isReached = ({ goal }: { goal: number }): boolean => this.#delivered >= goal
    while (this.#waiting[0] !== undefined && isReached(this.#waiting[0])) {
      this.#waiting.shift()!.resolve()
    }
  }

  #onFailed(error: unknown): void {
    this.#failures.push(error)
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}

/** A folder whose files are links behind `..data`, which is replaced in one step. */
export class MountedSecrets implements AsyncDisposable {
  readonly path: string
  #version = 0

  private constructor(path: string) {
    this.path = path
  }

  static async mount(files: Readonly<Record<string, string>>): Promise<MountedSecrets> {
    const mounted = new MountedSecrets(await mkdtemp(join(tmpdir(), 'millrace-secrets-')))
    await mounted.replace(files)
    for (const name of Object.keys(files)) {
      await symlink(join('..data', name), mounted.file(name))
    }
    return mounted
  }

  file(name: string): string {
    return join(this.path, name)
  }

  async replace(files: Readonly<Record<string, string>>): Promise<void> {
    const folder = `..${++this.#version}`
    await mkdir(this.file(folder))
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(this.file(folder), name), text)
    }
    await symlink(folder, this.file('..data_tmp'))
    await rename(this.file('..data_tmp'), this.file('..data'))
    // A reader may be on its way to the files of the version before.
    await rm(this.file(`..${this.#version - 2}`), { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.path, { recursive: true, force: true })
  }
}

export interface RotationReport {
  readonly seconds: number
  readonly records: number
  readonly rotations: number
  readonly connections: number
  readonly retries: number
}

export interface Rotations {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly options: ProducerOptions
  /** The rotations of the short form. */
  readonly rounds: number
  /** One rotation under load, with its proofs. `round` counts from 1. */
  rotate(load: SteadyLoad, round: number): Promise<void>
  /** After the rotations, still under load. */
  finish?(load: SteadyLoad): Promise<void>
}

/** Rotates under load, once or for two minutes; then every record must be in the log once. */
export const runRotations = async (rotations: Rotations): Promise<RotationReport> => {
  const { brokers, topic, options, rounds, rotate, finish } = rotations
  const producer = new Producer({ onError: () => {}, ...options })
  const load = new SteadyLoad(producer, topic)
  try {
    await load.delivered(recordsPerSecond / 5)
    let round = 0
    while (isLong ? load.elapsedMs < longMs : round < rounds) {
      round++
      await rotate(load, round)
    }
    await finish?.(load)
    const seconds = Math.round(load.elapsedMs / 1000)
    load.stop()
    await producer.flush()
    assert.deepEqual(load.failures, [])
    await checkLog(brokers, topic, load.sent)
    const { connectionsOpened, retries } = producer.metrics()
    const counts = { connections: connectionsOpened, retries }
    return { seconds, records: load.sent, rotations: round, ...counts }
  } finally {
    load.stop()
    await producer.close({ timeoutMs: 0 })
  }
}

const checkLog = async (brokers: readonly string[], topic: string, sent: number): Promise<void> => {
  let found = 0
  await javaConsume({
    brokers,
    topic,
    timeoutMs: 120_000,
    onRecord: ({ value }) => {
      assert.equal(Number(value), found)
      found++
    },
  })
  assert.equal(found, sent)
}

/** The error of a producer that connects; null where it succeeds. */
const refusalOf = async (options: ProducerOptions): Promise<KafkaError | null> => {
  const producer = new Producer({ logger: silentLogger, onError: () => {}, ...options })
  try {
    await producer.connect({ timeoutMs: 30_000 })
    return null
  } catch (thrown) {
    assert.ok(thrown instanceof KafkaError, String(thrown))
    return thrown
  } finally {
    await producer.close({ timeoutMs: 0 })
  }
}

/**
 * Connects with new producers until the outcome is the wanted one, since a broker takes a moment
 * to apply a change.
 */
const untilOutcome = async (
  options: ProducerOptions,
  isWanted: (refusal: KafkaError | null) => boolean,
): Promise<KafkaError | null> => {
  const deadlineMs = systemClock.now() + untilMsMax
  for (;;) {
    const refusal = await refusalOf(options)
    if (isWanted(refusal)) return refusal
    assert.ok(systemClock.now() < deadlineMs, `the broker does not apply the change: ${refusal}`)
  }
}

/** Resolves with what a new producer is refused with. */
export const untilRefused = async (options: ProducerOptions): Promise<KafkaError> =>
  (await untilOutcome(options, (refusal) => refusal !== null))!

export const untilAccepted = async (options: ProducerOptions): Promise<void> => {
  await untilOutcome(options, (refusal) => refusal === null)
}
