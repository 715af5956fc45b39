// The one error of the library. `code` says what happened, `kind` what you can do next, `persisted`
// whether the record may be in the log. The table below is the only place where codes are listed.

/** What you can do next. */
export type ErrorKind =
  /** Again later: the cause may pass. */
  | 'retriable'
  /** This record never: it will be refused again. */
  | 'rejected'
  /** You asked for it (an abort signal, a deadline of yours, close). */
  | 'aborted'
  /** Abort the transaction, then go on. */
  | 'abortable'
  /** This producer is done; make a new one. */
  | 'fatal'
  /** Mend the program: the call or an option is wrong. */
  | 'usage'

/** Whether the record may be in the log: `'no'` whenever no byte of it reached a socket. */
export type Persisted = 'no' | 'maybe'

/** What happens on the way to a broker, in order. */
export type ConnectStep = 'dns' | 'tcp' | 'tls' | 'api-versions' | 'sasl'

/** Each code, with its usual kind and what to do about it. */
export const errorCodes = {
  INVALID_ARGUMENT: { kind: 'usage', remedy: 'Correct the argument that the message names.' },
  INVALID_OPTION: { kind: 'usage', remedy: 'Correct the options that the message lists.' },
  INVALID_STATE: { kind: 'usage', remedy: 'Make the call at another moment, as the message says.' },
  CLOSED: { kind: 'usage', remedy: 'The producer was closed: make a new one.' },
  ABORTED: { kind: 'aborted', remedy: 'None: the caller aborted, or the producer was destroyed.' },
  DELIVERY_TIMEOUT: {
    kind: 'retriable',
    remedy:
      'Look at `cause` for why the record could not be delivered, or raise deliveryTimeoutMs.',
  },
  BUFFER_FULL: {
    kind: 'retriable',
    remedy: 'Send more slowly (await ready() or send()), or raise bufferMemoryBytes.',
  },
  BUFFER_TIMEOUT: {
    kind: 'retriable',
    remedy: 'The buffer stayed full for maxBlockMs; see `cause` for what keeps it.',
  },
  METADATA_TIMEOUT: {
    kind: 'retriable',
    remedy: 'No broker told about the topic within maxBlockMs; see `cause` for why.',
  },
  RECORD_TOO_LARGE: {
    kind: 'rejected',
    remedy: 'Make the record smaller, or raise maxRequestBytes and the limit of the topic.',
  },
  UNKNOWN_TOPIC: { kind: 'retriable', remedy: 'Create the topic, or allow automatic creation.' },
  UNKNOWN_PARTITION: { kind: 'rejected', remedy: 'Name a partition that the topic has.' },
  CONNECTION_FAILED: {
    kind: 'retriable',
    remedy: 'Check that the address is right and reachable, and that the broker runs.',
  },
  CONNECTION_LOST: { kind: 'retriable', remedy: 'None needed: the connection is made again.' },
  REQUEST_TIMEOUT: {
    kind: 'retriable',
    remedy: 'The broker did not answer within requestTimeoutMs: look at its load and the network.',
  },
  UNSUPPORTED_VERSION: {
    kind: 'fatal',
    remedy: 'The broker does not serve a version that is needed: Kafka 2.1 or newer is required.',
  },
  MALFORMED_RESPONSE: {
    kind: 'retriable',
    remedy: 'Something that is not Kafka answers there, or the stream was damaged on its way.',
  },
  COMPRESSION_FAILED: { kind: 'rejected', remedy: 'See `cause`; try another codec.' },
  SERIALIZATION_FAILED: { kind: 'rejected', remedy: 'See `cause`: the serializer failed.' },
  FENCED: {
    kind: 'fatal',
    remedy: 'Another producer took over this transactional id; this one must stop.',
  },
  TLS_FAILED: {
    kind: 'fatal',
    remedy: 'Check the option tls (ca, cert, key, serverName) against what the message names.',
  },
  AUTHENTICATION_FAILED: { kind: 'fatal', remedy: 'Check the mechanism, user name and password.' },
  AUTHORIZATION_FAILED: { kind: 'rejected', remedy: 'Grant the rights that the message names.' },
  TRANSACTION_ABORTED: { kind: 'abortable', remedy: 'Abort the transaction and run it again.' },
  BROKER_REJECTED: { kind: 'rejected', remedy: 'See brokerCode and brokerMessage.' },
  BROKER_UNAVAILABLE: { kind: 'retriable', remedy: 'See brokerCode: the cause usually passes.' },
  INTERNAL: { kind: 'fatal', remedy: 'A defect of millrace: please report it with the stack.' },
} as const satisfies Record<string, { kind: ErrorKind; remedy: string }>

const replicasMissing =
  'Bring the missing replicas back: fewer are in sync than min.insync.replicas of the topic.'

/** What to do where Kafka's own error says more than our code for it. */
const brokerRemedies: ReadonlyMap<string | undefined, string> = new Map([
  ['NOT_ENOUGH_REPLICAS', replicasMissing],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', replicasMissing],
  ['LEADER_NOT_AVAILABLE', 'Bring the brokers back that hold the partition: it has no leader.'],
  ['REQUEST_TIMED_OUT', 'Look at the load of the replicas: they did not confirm in time.'],
  ['KAFKA_STORAGE_ERROR', 'Look at the disks and the log of the broker.'],
])

/** What happened. docs/errors.md lists all codes, each with its remedy. */
export type ErrorCode = keyof typeof errorCodes

/** What is known about where and when it happened. */
export interface ErrorContext {
  /** What can be done next; the usual kind of the code without it. */
  readonly kind?: ErrorKind | undefined
  /** Whether the record may be in the log; `'no'` without it. */
  readonly persisted?: Persisted | undefined
  /** The topic it is about. */
  readonly topic?: string | undefined
  /** The partition it is about. */
  readonly partition?: number | undefined
  /** `host:port`, with the node id where it is known: `127.0.0.1:9092 (node 1)`. */
  readonly broker?: string | undefined
  /** The API that was called: `Produce`, `Metadata`, … */
  readonly api?: string | undefined
  /** Where on the way to the broker it failed. */
  readonly step?: ConnectStep | undefined
  /** Kafka's own number and name of the error, where a broker answered one. */
  readonly brokerCode?: number | undefined
  /** Kafka's name of the error: `NOT_ENOUGH_REPLICAS`. */
  readonly brokerError?: string | undefined
  /** The broker's own words. */
  readonly brokerMessage?: string | undefined
  /** How often a batch with this record was sent. */
  readonly attempts?: number | undefined
  /** Milliseconds from the call, or the batch's first record, to the error. */
  readonly elapsedMs?: number | undefined
  /** What led to it: the error before, or what a function of yours threw. */
  readonly cause?: unknown
}

const marker = Symbol.for('millrace.KafkaError')

/**
 * Every error that millrace gives, rejects with or throws. `instanceof` also holds for an error of
 * another copy of the package.
 *
 * @example
 * try {
 *   await producer.send({ topic: 'orders', value: 'x' })
 * } catch (error) {
 *   if (error instanceof KafkaError && error.persisted === 'no') requeue()
 * }
 */
export class KafkaError extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'KafkaError', configurable: true })
    Object.defineProperty(this.prototype, marker, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && marker in value
  }

  /** What happened. */
  readonly code: ErrorCode
  /** What you can do next. */
  readonly kind: ErrorKind
  /** Whether the record may be in the log: `'no'`, or `'maybe'`. */
  readonly persisted: Persisted
  /** The topic it is about, as far as known. */
  readonly topic: string | undefined
  /** The partition it is about, as far as known. */
  readonly partition: number | undefined
  /** The broker it is about: `127.0.0.1:9092 (node 1)`. */
  readonly broker: string | undefined
  /** The API that was called: `Produce`, `Metadata`, … */
  readonly api: string | undefined
  /** Where on the way to the broker it failed. */
  readonly step: ConnectStep | undefined
  /** Kafka's number of the error, where a broker answered one. */
  readonly brokerCode: number | undefined
  /** Kafka's name of the error, where a broker answered one. */
  readonly brokerError: string | undefined
  /** The broker's own words. */
  readonly brokerMessage: string | undefined
  /** How often a batch with this record was sent. */
  readonly attempts: number | undefined
  /** Milliseconds from the call, or the batch's first record, to the error. */
  readonly elapsedMs: number | undefined

  /** For stand-ins and tests: `new KafkaError('BUFFER_FULL', 'no room', { topic: 'orders' })`. */
  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, 'cause' in context ? { cause: context.cause } : undefined)
    this.code = code
    this.kind = context.kind ?? errorCodes[code].kind
    this.persisted = context.persisted ?? 'no'
    this.topic = context.topic
    this.partition = context.partition
    this.broker = context.broker
    this.api = context.api
    this.step = context.step
    this.brokerCode = context.brokerCode
    this.brokerError = context.brokerError
    this.brokerMessage = context.brokerMessage
    this.attempts = context.attempts
    this.elapsedMs = context.elapsedMs
  }

  /** What to do about it, in one sentence. */
  get remedy(): string {
    return brokerRemedies.get(this.brokerError) ?? errorCodes[this.code].remedy
  }

  /** True where the same call may succeed later. */
  get retriable(): boolean {
    return this.kind === 'retriable'
  }
}

const refusals: ReadonlySet<ErrorCode> = new Set(['AUTHENTICATION_FAILED', 'TLS_FAILED'])

/**
 * The other side was there and we do not come to terms: credentials or certificates have to be
 * mended, so whoever waits is told at once. A cause of these codes that may pass is none.
 */
export const isRefusal = ({ code, kind }: Pick<KafkaError, 'code' | 'kind'>): boolean =>
  refusals.has(code) && kind !== 'retriable'

/** What was thrown, as our own error: any other is a defect of ours. `where` names the place. */
export const asKafkaError = (
  cause: unknown,
  where: string,
  context: ErrorContext = {},
): KafkaError =>
  cause instanceof KafkaError
    ? cause
    : new KafkaError('INTERNAL', `${where}: ${String(cause)}`, { ...context, cause })
