// What a broker that others wrote must be able to do for the checks: start, say how it is reached,
// restart, and be read by foreign clients. One file for each kind of broker implements it.

import type { ProducerOptions } from '../../../src/index.ts'
import type { ConsumedRecord } from '../fixture/index.ts'

/** A foreign client that reads a whole topic, per partition in order. */
export interface Reader {
  readonly name: string
  read(topic: string, options: ReadOptions): Promise<ConsumedRecord[]>
}

export interface ReadOptions {
  /** How many records are expected; a reader may stop there, and fails with fewer. */
  readonly count: number
  /** Only what transactions committed. */
  readonly committed?: boolean
}

/** A running broker or cluster. */
export interface Target extends AsyncDisposable {
  readonly brokers: readonly string[]
  readonly readers: readonly Reader[]
  /** Options of a producer beside a listener with TLS; null = it has none. */
  readonly tls: Partial<ProducerOptions> | null
  /** Options by SASL mechanism; empty = it has none. */
  readonly sasl: Readonly<Record<string, Partial<ProducerOptions>>>
  /** Ends the process and starts it again at its ports; null = its data is lost then. */
  /** Whether the process is killed then, or stops in order: some write to disk only then. */
  readonly restartWay: 'killed' | 'stopped'
  readonly restart: (() => Promise<void>) | null
}

/** A kind of broker, as a row of the table. */
export interface TargetKind {
  readonly name: string
  /** What this machine lacks for it, as a sentence; null = nothing. */
  missing(): Promise<string | null>
  start(): Promise<Target>
  /** Codecs that the broker does not know: the producer must say so at once. */
  readonly rejectedCodecs: readonly string[]
  /** Codecs that the broker takes but can't return to any client: they are skipped. */
  readonly unreadCodecs?: readonly string[]
  /** True = a topic is created when a client first requests it. */
  readonly createsTopics: boolean
  /** `yes`, `no`, or `unread`: it takes them, but its readers see aborted records. */
  readonly transactions: 'yes' | 'no' | 'unread'
  /** What is known not to work with this broker, by check: those checks are not run. */
  readonly limits?: Readonly<Record<string, string>>
}
