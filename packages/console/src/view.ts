// What the page gets: plain data, made by Monitor, drawn by the scripts under page/. Rates are
// per second, times are in milliseconds, sizes in bytes, moments in milliseconds since the epoch.

/** What happened in one interval; the charts are lines through these. */
export interface Sample {
  /** Counts the intervals from 1. */
  readonly number: number
  readonly at: number
  /** Records and bytes that the producer put into batches; bytes when a batch was first sent. */
  readonly recordsIn: number
  readonly recordsAcked: number
  readonly recordsFailed: number
  readonly bytesIn: number
  readonly bytesAcked: number
  readonly requests: number
  readonly retries: number
  /** Averages of what was measured in the interval; null = nothing was. */
  readonly queueMs: number | null
  readonly requestMs: number | null
  /** The 99th percentile of requests, of the last 30 to 60 seconds. */
  readonly requestP99Ms: number | null
  readonly retryMs: number | null
  readonly batchBytes: number
  readonly waitingBytes: number
  readonly requestsInFlight: number
  /** The longest time that the event loop was late. */
  readonly eventLoopDelayMs: number
}

/** How things stand: `bad` = records are not delivered, `warning` = some are not, or soon. */
export type StatusLevel = 'good' | 'quiet' | 'warning' | 'bad' | 'closed'

/** The sentence at the top of the page. */
export interface Status {
  readonly level: StatusLevel
  /** Changes with what is said, and not with the numbers in it. */
  readonly topic: string
  readonly sentence: string
  /** What happened, in the words of the error; null = nothing to add. */
  readonly detail: string | null
  readonly remedy: string | null
}

/** How one kind of time is spread over the last 30 to 60 seconds. */
export interface TimeRow {
  readonly name: string
  readonly meaning: string
  /** 0 = nothing was measured since the start. */
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
  /** Code or Kafka's name of the last failure since it was ready; null = none. */
  readonly error: string | null
  readonly requestsInFlight: number
  readonly requests: number
  /** Of the last 30 to 60 seconds. */
  readonly latencyMs: number
  readonly latencyMaxMs: number
  /** Whether it takes far longer than the others. */
  readonly isSlow: boolean
}

/** One topic; rates are of the last interval. */
export interface TopicRow {
  readonly topic: string
  readonly partitionCount: number
  readonly recordsAcked: number
  readonly bytesAcked: number
  readonly recordsDelivered: number
  readonly recordsRetried: number
  readonly recordsFailed: number
}

/** How well batches are filled and compressed, of the last interval with batches; null = none. */
export interface BatchState {
  /** Bytes of records in a batch, on average. */
  readonly recordBytes: number
  /** What the option batchBytes allows; null if the source does not tell its options. */
  readonly bytesMax: number | null
  /** Bytes on the wire for one byte of records. */
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
  /** Of the last seconds. */
  readonly recordsAcked: number
  readonly bytesAcked: number
  readonly recordsHeld: number
  readonly batchesWaiting: number
  readonly batchesInFlight: number
  readonly error: string | null
}

export interface PartitionTable {
  readonly rows: readonly PartitionRow[]
  /** How many the filter leaves; `rows` are the first of them. */
  readonly matching: number
  /** How many have been seen. */
  readonly total: number
}

export type FaultKind = 'failed' | 'retried' | 'disconnected' | 'withoutResponse' | 'transaction'

/** Failures of one kind with one code. */
export interface FaultRow {
  readonly kind: FaultKind
  readonly code: string
  /** Where it happened last, three at most. */
  readonly places: readonly string[]
  readonly placeCount: number
  /** Records, connections, requests; null = it goes on until it does not. */
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
  /** Another one with every server: the page then begins anew. */
  readonly serverId: string
  readonly intervalMs: number
  readonly clientId: string
  readonly clusterId: string | null
  readonly at: number
  /** Those after the one that the page named. */
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
  /** The producer's options in effect; none if the source does not tell them. */
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly partitions: PartitionTable
  readonly faults: readonly FaultRow[]
}
