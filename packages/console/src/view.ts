// The types of the data that the server sends to the page: Monitor makes it, and the scripts in
// page/ draw it. Rates are per second, durations in milliseconds, sizes in bytes, and times in
// milliseconds since the epoch. It must stay plain data that JSON can represent.

/** The values of one interval; the charts are lines through the samples. */
export interface Sample {
  /** The number of the interval, from 1 on. */
  readonly number: number
  readonly at: number
  /**
   * Records and bytes that the producer put into batches; the bytes count when a batch is first
   * sent.
   */
  readonly recordsIn: number
  readonly recordsAcked: number
  readonly recordsFailed: number
  readonly bytesIn: number
  readonly bytesAcked: number
  readonly requests: number
  readonly retries: number
  /** Averages of the values measured in the interval; null = no value was measured. */
  readonly queueMs: number | null
  readonly requestMs: number | null
  /** The 99th percentile of the request latency over the last 30 to 60 seconds. */
  readonly requestP99Ms: number | null
  readonly retryMs: number | null
  readonly batchBytes: number
  readonly waitingBytes: number
  readonly requestsInFlight: number
  /** The longest delay of the event loop. */
  readonly eventLoopDelayMs: number
}

/** The state: `bad` = records are not delivered, `warning` = some are not, or soon may not be. */
export type StatusLevel = 'good' | 'quiet' | 'warning' | 'bad' | 'closed'

/** The sentence at the top of the page. */
export interface Status {
  readonly level: StatusLevel
  /** Changes when the meaning changes, not when only a number changes. */
  readonly topic: string
  readonly sentence: string
  /** The message of the error; null = nothing to add. */
  readonly detail: string | null
  readonly remedy: string | null
}

/** The distribution of one kind of duration over the last 30 to 60 seconds. */
export interface TimeRow {
  readonly name: string
  readonly meaning: string
  /** 0 = nothing has been measured since the start. */
  readonly count: number
  readonly avg: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface BrokerRow {
  readonly nodeId: number
  readonly address: string
  readonly ready: boolean
  /** The code or Kafka's name of the last failure since the connection was ready; null = none. */
  readonly error: string | null
  readonly requestsInFlight: number
  readonly requests: number
  /** Over the last 30 to 60 seconds. */
  readonly latencyMs: number
  readonly latencyMaxMs: number
  /** Whether its latency is much higher than that of the others. */
  readonly isSlow: boolean
}

/** One topic; rates are those of the last interval. */
export interface TopicRow {
  readonly topic: string
  readonly partitionCount: number
  readonly recordsAcked: number
  readonly bytesAcked: number
  readonly recordsDelivered: number
  readonly recordsRetried: number
  readonly recordsFailed: number
}

/** Fill and compression of batches in the last interval with batches; null = none. */
export interface BatchState {
  /** The average bytes of records in a batch. */
  readonly recordBytes: number
  /** The option batchBytes; null if the source does not expose its options. */
  readonly bytesMax: number | null
  /** Compressed bytes per byte of records. */
  readonly compressionRate: number
}

export type PartitionState =
  | 'no leader'
  | 'retrying'
  | 'in flight'
  | 'queued'
  | 'delivering'
  | 'idle'

export interface PartitionRow {
  readonly topic: string
  readonly partition: number
  /** Node id; -1 = none. */
  readonly leaderId: number
  readonly state: PartitionState
  /** The rate of the last seconds. */
  readonly recordsAcked: number
  readonly bytesAcked: number
  readonly recordsHeld: number
  readonly batchesWaiting: number
  readonly batchesInFlight: number
  readonly error: string | null
}

export interface PartitionTable {
  readonly rows: readonly PartitionRow[]
  /** The number of partitions that match the filter; `rows` are the first of them. */
  readonly matching: number
  /** The number of partitions seen. */
  readonly total: number
}

export type FaultKind = 'failed' | 'retried' | 'disconnected' | 'withoutResponse' | 'transaction'

/** Failures of one kind with one code. */
export interface FaultRow {
  readonly kind: FaultKind
  readonly code: string
  /** The latest places, three at most. */
  readonly places: readonly string[]
  readonly placeCount: number
  /** Failed records, connections, or requests; null = a lasting state without a count. */
  readonly count: number | null
  readonly message: string
  readonly remedy: string
  readonly firstAt: number
  readonly lastAt: number
}

export interface Totals {
  readonly recordsIn: number
  readonly recordsAcked: number
  readonly recordsFailed: number
  readonly recordsRetried: number
  readonly bytesAcked: number
  readonly requests: number
  readonly retries: number
  readonly splits: number
  readonly connectionsOpened: number
  readonly connectionFailures: number
  readonly transactionsBegun: number
  readonly transactionsCommitted: number
  readonly transactionsAborted: number
}

export interface BufferState {
  /** The option bufferMemoryBytes. */
  readonly totalBytes: number
  readonly batchBytes: number
  readonly waitingBytes: number
  /** Calls that wait for buffer space. */
  readonly waitingSends: number
}

export interface View {
  /** Different for every server; the page starts again if it changes. */
  readonly serverId: string
  readonly intervalMs: number
  readonly clientId: string
  readonly clusterId: string | null
  readonly at: number
  /** The samples after the number in the page's request. */
  readonly samples: readonly Sample[]
  readonly status: Status
  readonly totals: Totals
  readonly buffer: BufferState
  readonly requestsInFlight: number
  readonly times: readonly TimeRow[]
  readonly batches: BatchState | null
  readonly eventLoopDelayMs: number
  readonly brokers: readonly BrokerRow[]
  readonly topics: readonly TopicRow[]
  /** The producer's options in effect; empty if the source does not expose them. */
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly partitions: PartitionTable
  readonly faults: readonly FaultRow[]
}
