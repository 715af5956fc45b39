// What the page is told: plain data, made by Monitor, drawn by the scripts under page/. Rates are
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
  readonly retryMs: number | null
  readonly batchBytes: number
  readonly waitingBytes: number
  readonly requestsInFlight: number
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
}

export type PartitionState = 'no leader' | 'retrying' | 'in flight' | 'queued' | 'idle'

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

export type FaultKind = 'failed' | 'retried' | 'disconnected' | 'unanswered' | 'transaction'

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
  readonly totalBytes: number
  /** What of it batches may take; the rest is for sends that wait in line. */
  readonly batchBytesMax: number
  readonly batchBytes: number
  readonly waitingBytes: number
  /** Calls that wait for room. */
  readonly waitingSends: number
}

export interface View {
  /** Another one with every server: the page then begins anew. */
  readonly serverId: string
  readonly intervalMs: number
  readonly clientId: string
  readonly at: number
  /** Those after the one that the page named. */
  readonly samples: readonly Sample[]
  readonly status: Status
  readonly totals: Totals
  readonly buffer: BufferState
  readonly requestsInFlight: number
  readonly times: readonly TimeRow[]
  readonly brokers: readonly BrokerRow[]
  readonly partitions: PartitionTable
  readonly faults: readonly FaultRow[]
}
