// Owns the only error class of the library and the table of its codes. `code` says what happened,
// `kind` what the caller can do next, `persisted` whether the record may be in the log. Callers:
// all of millrace. Invariants: codes are listed only in the table below. The constructor makes
// foreign text printable: no error contains a control character or more than a few kilobytes of
// text.

import { printableText } from '../runtime/printable-text.ts'
import { fieldsOf, isError, messageOf, readable, textOf } from '../runtime/value-kinds.ts'

/** What you can do next. */
export type ErrorKind =
  /** Try again later: the cause may end. */
  | 'retriable'
  /** This record fails again each time it is sent. */
  | 'rejected'
  /** The caller ended it: an abort signal, `close()` or `destroy()`. */
  | 'aborted'
  /** Abort the transaction, then begin the next one. */
  | 'abortable'
  /**
   * Fix credentials, certificates or versions first: a broker refuses this client. The producer
   * stays usable, and delivers again when they are fixed.
   */
  | 'refused'
  /** This producer cannot continue; create a new one. */
  | 'fatal'
  /** Fix your code: the call or an option is invalid. */
  | 'usage'

/** Whether the record may be in the log: `'no'` whenever no byte of it reached a socket. */
export type Persisted = 'no' | 'maybe'

/** The steps of a connection to a broker, in order. */
export type ConnectStep = 'dns' | 'tcp' | 'tls' | 'api-versions' | 'sasl'

/** Each code with its default kind and remedy. */
export const errorCodes = {
  INVALID_ARGUMENT: { kind: 'usage', remedy: 'Correct the argument that the message names.' },
  INVALID_OPTION: { kind: 'usage', remedy: 'Correct the options that the message lists.' },
  INVALID_STATE: {
    kind: 'usage',
    remedy: 'Make the call in a state that allows it, as the message says.',
  },
  CLOSED: { kind: 'usage', remedy: 'Create a new producer or admin client: this one was closed.' },
  ABORTED: {
    kind: 'aborted',
    remedy: 'None: the caller aborted or purged, or the producer was destroyed.',
  },
  DELIVERY_TIMEOUT: {
    kind: 'retriable',
    remedy: 'Check `cause` for why the record was not delivered, or increase deliveryTimeoutMs.',
  },
  TIMEOUT: {
    kind: 'retriable',
    remedy: 'Check `cause` for what the call waited for, or increase its timeoutMs.',
  },
  BUFFER_FULL: {
    kind: 'retriable',
    remedy: 'Send more slowly (await ready() or send()), or increase waitingMemoryBytes.',
  },
  BUFFER_TIMEOUT: {
    kind: 'retriable',
    remedy: 'Check `cause` for what keeps the buffer full, or increase maxBlockMs.',
  },
  METADATA_TIMEOUT: {
    kind: 'retriable',
    remedy: 'Check `cause` for why no broker returned the metadata, or increase maxBlockMs.',
  },
  RECORD_TOO_LARGE: {
    kind: 'rejected',
    remedy:
      'Make the record smaller, or increase maxRequestBytes and max.message.bytes of the topic.',
  },
  UNKNOWN_TOPIC: { kind: 'retriable', remedy: 'Create the topic, or allow automatic creation.' },
  UNKNOWN_PARTITION: { kind: 'rejected', remedy: 'Name a partition that the topic has.' },
  CONNECTION_FAILED: {
    kind: 'retriable',
    remedy: 'Check that the address is correct and reachable, and that the broker runs.',
  },
  CONNECTION_LOST: { kind: 'retriable', remedy: 'None needed: the client connects again.' },
  REQUEST_TIMEOUT: {
    kind: 'retriable',
    remedy: 'Check the load of the broker and the network, or increase requestTimeoutMs.',
  },
  UNSUPPORTED_VERSION: {
    kind: 'refused',
    remedy: 'Use brokers of Kafka 1.0 or newer, or switch off the feature that the message names.',
  },
  MALFORMED_RESPONSE: {
    kind: 'retriable',
    remedy: 'Check host and port: another service responded, or the network damaged the response.',
  },
  COMPRESSION_FAILED: { kind: 'rejected', remedy: 'Check `cause`, or use another codec.' },
  SERIALIZATION_FAILED: { kind: 'rejected', remedy: 'Check `cause`: the serializer failed.' },
  SCHEMA_REGISTRY_UNAVAILABLE: {
    kind: 'retriable',
    remedy: 'Check that the schema registry runs and can be reached; send the record again.',
  },
  SCHEMA_REGISTRY_REJECTED: {
    kind: 'rejected',
    remedy: "Check `cause`: register the schema, or correct the registry's address and login.",
  },
  FENCED: {
    kind: 'fatal',
    remedy: 'Close this producer: a newer one uses its transactional id.',
  },
  TLS_FAILED: {
    kind: 'refused',
    remedy: 'Correct what the message names in the option tls (ca, cert, key, serverName).',
  },
  AUTHENTICATION_FAILED: {
    kind: 'refused',
    remedy: 'Check the mechanism, user name and password.',
  },
  AUTHORIZATION_FAILED: { kind: 'rejected', remedy: 'Grant the rights that the message names.' },
  TRANSACTION_ABORTED: { kind: 'abortable', remedy: 'Abort the transaction and run it again.' },
  BROKER_REJECTED: { kind: 'rejected', remedy: 'Check brokerError and brokerMessage.' },
  BROKER_UNAVAILABLE: { kind: 'retriable', remedy: 'Try again: the cause is usually temporary.' },
  SPOOL_LOCKED: {
    kind: 'fatal',
    remedy: 'Stop the process that the message names, or give this producer its own directory.',
  },
  SPOOL_DAMAGED: {
    kind: 'fatal',
    remedy: 'Restore the file that the message names, or move the directory away and start again.',
  },
  SPOOL_EXPIRED: {
    kind: 'retriable',
    remedy:
      'Check the topic for duplicates, and restart the process within producer.id.expiration.ms.',
  },
  SPOOL_FAILED: {
    kind: 'fatal',
    remedy: 'Fix what the message names (disk, permission, version), then create a new producer.',
  },
  INTERNAL: { kind: 'fatal', remedy: 'A defect of millrace: please report it with the stack.' },
} as const satisfies Record<string, { kind: ErrorKind; remedy: string }>

const replicasMissing =
  'Bring the missing replicas back: fewer are in sync than min.insync.replicas of the topic.'

/** Before Kafka 2.8, and with some services, an idempotent producer needs this ACL. */
export const idempotentWriteMissing =
  'Grant this user IDEMPOTENT_WRITE on the cluster, or set idempotent to false.'

/** The response to a commit does not show whether it was carried out. */
const commitOutcomeUnknown =
  'Create a new producer, and check whether the topic has the records before you send them again.'

/** The remedy where Kafka's error is more specific than the code. */
const brokerRemedies: ReadonlyMap<string | undefined, string> = new Map([
  ['NOT_ENOUGH_REPLICAS', replicasMissing],
  ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', replicasMissing],
  ['LEADER_NOT_AVAILABLE', 'Bring the brokers back that hold the partition: it has no leader.'],
  [
    'LISTENER_NOT_FOUND',
    "Give the partition's leader the listener that this client uses (`listeners`, " +
      '`advertised.listeners`): other brokers have it.',
  ],
  ['REQUEST_TIMED_OUT', 'Check the load of the replicas: they did not acknowledge in time.'],
  ['KAFKA_STORAGE_ERROR', 'Check the disks and the log of the broker.'],
])

/** What happened. docs/errors.md lists all codes, each with its remedy. */
export type ErrorCode = keyof typeof errorCodes

/** Where and when an error happened, as far as known. */
export interface ErrorContext {
  /** What can be done next; the default kind of the code if missing. */
  readonly kind?: ErrorKind | undefined
  /** Whether the record may be in the log; `'no'` by default. */
  readonly persisted?: Persisted | undefined
  /** The topic it is about. */
  readonly topic?: string | undefined
  /** The partition it is about. */
  readonly partition?: number | undefined
  /** `host:port`, with the node id where it is known: `127.0.0.1:9092 (node 1)`. */
  readonly broker?: string | undefined
  /** The API that was called: `Produce`, `Metadata`, … */
  readonly api?: string | undefined
  /** The step of the connection that failed. */
  readonly step?: ConnectStep | undefined
  /** Kafka's number of the error, if a broker returned one. */
  readonly brokerCode?: number | undefined
  /** Kafka's name of the error: `NOT_ENOUGH_REPLICAS`. */
  readonly brokerError?: string | undefined
  /** The broker's own message. */
  readonly brokerMessage?: string | undefined
  /** How often a batch with this record was sent. */
  readonly attempts?: number | undefined
  /** Milliseconds from the call, or the batch's first record, to the error. */
  readonly elapsedMs?: number | undefined
  /** The record is in the dead-letter target. */
  readonly isDeadLettered?: boolean | undefined
  /** The cause: another error, or the value that a function of the caller threw. */
  readonly cause?: unknown
}

const marker = Symbol.for('millrace.KafkaError')

/** A message contains at most one foreign text of 1 kB and a sentence around it. */
const messageLengthMax = 4096

/** The causes and stack frames of a printed error. */
const causesMax = 3
const framesMax = 4

const contextFields = [
  'topic',
  'partition',
  'broker',
  'api',
  'step',
  'brokerCode',
  'brokerError',
  'brokerMessage',
  'attempts',
  'elapsedMs',
  'isDeadLettered',
] as const satisfies readonly (keyof ErrorContext)[]

/** Name, code and message of an error, or any other value as text, in one line. */
const firstLine = (cause: unknown): string => {
  if (!isError(cause)) return printableText(textOf(cause))
  const code: unknown = readable(() => (cause as { code?: unknown }).code)
  const name = textOf(readable(() => cause.name))
  const shown = code === undefined ? name : `${name} [${textOf(code)}]`
  return printableText(`${shown}: ${messageOf(cause)}`, messageLengthMax)
}

/** A cause as JSON; an object of the caller may be circular, or have no JSON form. */
const shownCause = (cause: unknown): unknown => {
  if (cause instanceof KafkaError || typeof cause === 'number' || typeof cause === 'boolean') {
    return cause
  }
  if (typeof cause !== 'object' || cause === null || isError(cause)) return firstLine(cause)
  return printableText(fieldsOf(cause))
}

/**
 * Every error that millrace passes to a callback, rejects with or throws. `instanceof` is also true
 * for an error of another copy of the package.
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
    return typeof value === 'object' && value !== null && readable(() => marker in value) === true
  }

  /** What happened: `RECORD_TOO_LARGE`, `DELIVERY_TIMEOUT`, … */
  readonly code: ErrorCode
  /** What you can do next: `retriable` = try again later, `usage` = fix your code, … */
  readonly kind: ErrorKind
  /** Whether the record may be in the log: `'no'`, or `'maybe'`. */
  readonly persisted: Persisted
  /** The topic, if known. */
  declare readonly topic: string | undefined
  /** The partition, if known. */
  declare readonly partition: number | undefined
  /** The broker, if known: `127.0.0.1:9092 (node 1)`. */
  declare readonly broker: string | undefined
  /** The API that was called: `Produce`, `Metadata`, … */
  declare readonly api: string | undefined
  /** The step of the connection that failed. */
  declare readonly step: ConnectStep | undefined
  /** Kafka's number of the error, if a broker returned one. */
  declare readonly brokerCode: number | undefined
  /** Kafka's name of the error, if a broker returned one. */
  declare readonly brokerError: string | undefined
  /** The broker's own message. */
  declare readonly brokerMessage: string | undefined
  /** How often a batch with this record was sent. */
  declare readonly attempts: number | undefined
  /** Milliseconds from the call, or the batch's first record, to the error. */
  declare readonly elapsedMs: number | undefined
  /** `true`: the record was not delivered, and is in the target of the option `deadLetter`. */
  declare readonly isDeadLettered: boolean | undefined

  /**
   * For test doubles and tests: `new KafkaError('BUFFER_FULL', 'no space', { topic: 'orders' })`.
   */
  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    const text = printableText(String(message), messageLengthMax)
    super(text, 'cause' in context ? { cause: context.cause } : undefined)
    this.code = code
    this.kind = context.kind ?? errorCodes[code].kind
    this.persisted = context.persisted ?? 'no'
    // An unknown value is not set as a field, so that a printed error has no lines of undefined.
    for (const name of contextFields) {
      const value = context[name]
      if (value === undefined) continue
      const isForeign = name === 'topic' || name === 'broker' || name === 'brokerMessage'
      Object.defineProperty(this, name, {
        value: isForeign ? printableText(String(value)) : value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
  }

  /** What to do about it, in one sentence. */
  get remedy(): string {
    const { api, brokerError, code } = this
    if (api === 'InitProducerId' && brokerError === 'CLUSTER_AUTHORIZATION_FAILED') {
      return idempotentWriteMissing
    }
    if (api === 'EndTxn' && this.persisted === 'maybe') return commitOutcomeUnknown
    return brokerRemedies.get(brokerError) ?? errorCodes[code].remedy
  }

  /** Plain data for loggers: the known fields, and the causes without their stacks. */
  toJSON(): object {
    const fields: Record<string, unknown> = { name: 'KafkaError', message: this.message }
    for (const name of Object.keys(this)) {
      if (name !== 'cause') fields[name] = this[name as keyof this]
    }
    const { cause } = this
    const shown = cause === undefined ? {} : { cause: shownCause(cause) }
    return { ...fields, remedy: this.remedy, ...shown }
  }

  /** What util.inspect and console print: at most 12 lines. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const known = (names: readonly (keyof ErrorContext)[]): string[] => {
      const texts = names.flatMap((name) => {
        const value = this[name as keyof this]
        return value === undefined ? [] : [`${name}: ${String(value)}`]
      })
      return texts.length === 0 ? [] : [`  ${texts.join(', ')}`]
    }
    const lines = [
      `KafkaError [${this.code}]: ${this.message}`,
      ...known([
        'kind',
        'persisted',
        'topic',
        'partition',
        'attempts',
        'elapsedMs',
        'isDeadLettered',
      ]),
      ...known(['api', 'step', 'brokerCode', 'brokerError']),
      `  remedy: ${this.remedy}`,
    ]
    let shown = this.message
    let { cause }: { cause?: unknown } = this
    for (let depth = 0; depth < causesMax && cause !== undefined; depth++) {
      const error = isError(cause) ? cause : null
      const text = firstLine(cause)
      // The message usually ends with that of its cause.
      const isIncluded = error !== null && shown.includes(messageOf(error))
      if (!isIncluded) lines.push(`  cause: ${text}`)
      shown = text
      cause = readable(() => error?.cause)
    }
    const frames = (this.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
    return [...lines, ...frames.slice(0, framesMax)].join('\n')
  }

  /** True if the same call may succeed later. */
  get retriable(): boolean {
    return this.kind === 'retriable'
  }
}

const rejections: ReadonlySet<ErrorCode> = new Set([
  'AUTHENTICATION_FAILED',
  'TLS_FAILED',
  'UNSUPPORTED_VERSION',
])

/**
 * A broker is reachable but does not accept this client: credentials, certificates or versions must
 * be fixed, so all records that wait for it fail at once. An error with these codes whose cause is
 * temporary is not a refusal.
 */
export const isRefusal = ({ code, kind }: Pick<KafkaError, 'code' | 'kind'>): boolean =>
  rejections.has(code) && kind !== 'retriable'

/**
 * Converts a thrown value into a KafkaError: any other error is a defect of millrace. `where` names
 * the place.
 */
export const asKafkaError = (
  cause: unknown,
  where: string,
  context: ErrorContext = {},
): KafkaError =>
  cause instanceof KafkaError
    ? cause
    : new KafkaError('INTERNAL', `${where}: ${textOf(cause)}`, { ...context, cause })
