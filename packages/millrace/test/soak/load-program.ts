// Sends numbered records at a rate until it is stopped, in a process of its own, so that an
// unhandled rejection or a leak can be seen. Run by load-process.ts; its plan is the
// argument.

import { writeFile } from 'node:fs/promises'
import { KafkaError, Producer, type RecordMetadata } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import {
  Fates,
  fate,
  type LoadMessage,
  type LoadPlan,
  type LoadProgress,
  type LoadReport,
  numberDigits,
  type Silence,
} from './load-plan.ts'

const tickMs = 5
const burstMax = 2_000
const progressMs = 250
const silenceMinMs = 500
const keyCount = 997
/** Two closures with their surroundings, and the promise of `then` (measured). */
const ownBytesPerSend = 260

const plan = JSON.parse(process.argv[2]!) as LoadPlan
const surprises: string[] = []
process.on('uncaughtException', (error) => surprises.push(String(error)))
process.on('warning', (warning) => surprises.push(String(warning)))

const tell = (message: LoadMessage): void => {
  process.send?.(message)
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    systemClock.setTimer(ms, resolve)
  })

const turn = (): Promise<void> => new Promise((resolve) => systemClock.setImmediate(resolve))

class Load {
  readonly #fates = new Fates(plan.recordsMax)
  readonly #producer: Producer
  readonly #value = Buffer.alloc(plan.valueBytes, 'x')
  readonly #keys = Array.from({ length: keyCount }, (_, index) => `key-${index}`)
  readonly #codes: Record<string, number> = {}
  readonly #silences: Silence[] = []
  readonly #startedAt = systemClock.now()
  #lastAckAt = systemClock.now()
  #longestDelayMs = 0
  #sent = 0
  #delivered = 0
  #failed = 0
  #leastBytes = Number.POSITIVE_INFINITY
  #mostBytes = 0
  stopping = false

  constructor() {
    this.#producer = new Producer({
      brokers: plan.brokers,
      logger: silentLogger,
      onError: () => {},
      ...plan.options,
    })
  }

  async run(): Promise<void> {
    const start = systemClock.now()
    let toldAt = start
    let measuredAt = start
    while (!this.stopping && this.#sent < plan.recordsMax) {
      if (plan.offer === 'paced') await this.#producer.ready()
      const now = systemClock.now()
      this.#sendDue(Math.floor(((now - start) * plan.recordsPerSecond) / 1000))
      if (now - toldAt >= progressMs) {
        toldAt = now
        tell({ kind: 'progress', progress: this.progress() })
      }
      if (plan.measureEveryMs > 0 && now - measuredAt >= plan.measureEveryMs) {
        measuredAt = now
        this.#measure()
      }
      await pause(tickMs)
    }
  }

  #sendDue(due: number): void {
    const end = Math.min(due, this.#sent + burstMax, plan.recordsMax)
    while (this.#sent < end) this.#send(this.#sent++)
  }

  #send(number: number): void {
    // One buffer for all: its bytes are ours again when the call returns.
    this.#value.write(String(number).padStart(numberDigits, '0'), 'latin1')
    const key = this.#keys[number % keyCount]!
    const sentAt = systemClock.now()
    this.#producer.send({ topic: plan.topic, key, value: this.#value }).then(
      (metadata) => this.#onDelivered(number, metadata, sentAt),
      (error) => this.#onFailed(number, error),
    )
  }

  #onDelivered(number: number, { partition, offset }: RecordMetadata, sentAt: number): void {
    const now = systemClock.now()
    if (now - this.#lastAckAt >= silenceMinMs) {
      this.#silences.push({ lastedMs: now - this.#lastAckAt, endedAt: Date.now() })
    }
    this.#lastAckAt = now
    this.#longestDelayMs = Math.max(this.#longestDelayMs, now - sentAt)
    this.#delivered++
    this.#fates.states[number] = fate.delivered
    this.#fates.partitions[number] = partition
    this.#fates.offsets[number] = offset
  }

  #onFailed(number: number, error: unknown): void {
    this.#failed++
    const isOurs = error instanceof KafkaError
    const code = isOurs ? error.code : String(error)
    this.#codes[code] = (this.#codes[code] ?? 0) + 1
    const isIn = !isOurs || error.persisted === 'maybe'
    this.#fates.states[number] = isIn ? fate.maybeWritten : fate.notWritten
  }

  progress(): LoadProgress {
    return { sent: this.#sent, delivered: this.#delivered, failed: this.#failed }
  }

  /** What the producer holds, what this program itself keeps for each send being taken off. */
  #measure(): void {
    globalThis.gc!()
    const { heapUsed, external } = process.memoryUsage()
    const pending = this.#sent - this.#delivered - this.#failed
    const bytes = heapUsed + external - pending * ownBytesPerSend
    this.#leastBytes = Math.min(this.#leastBytes, bytes)
    this.#mostBytes = Math.max(this.#mostBytes, bytes)
  }

  async finish(): Promise<LoadReport> {
    await this.#producer.close()
    const ranMs = systemClock.now() - this.#startedAt
    await writeFile(plan.fatesPath, this.#fates.bytes)
    await turn()
    const { metadataRequests, connectionsOpened, retries } = this.#producer.metrics()
    const states = this.#fates.states.subarray(0, this.#sent)
    return {
      ...this.progress(),
      unsettled: states.reduce((count, state) => count + (state === fate.unsettled ? 1 : 0), 0),
      codes: this.#codes,
      silences: this.#silences,
      longestDelayMs: this.#longestDelayMs,
      ranMs,
      metadataRequests,
      connectionsOpened,
      retries,
      grownBytes: Math.max(0, this.#mostBytes - this.#leastBytes),
      surprises,
      // The pipe to the parent is how we report.
      resources: process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap'),
    }
  }
}

const load = new Load()
process.on('message', () => {
  load.stopping = true
})
process.on('disconnect', () => {
  load.stopping = true
})
await load.run()
const message: LoadMessage = { kind: 'report', report: await load.finish() }
// Nothing else may keep this process alive: its end is part of what is tested.
if (process.connected) process.send!(message, () => process.disconnect!())
