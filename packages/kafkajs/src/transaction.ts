// Transactions with kafkajs's interface: send, sendBatch, sendOffsets, commit, and abort. They run
// one at a time on a millrace producer with the transactional id. The codec is an option of that
// producer, so the first send decides: if it needs another codec, the transaction, which is still
// empty, begins again on another producer. Caller: producer.ts. Invariant: after the first send or
// sendOffsets a transaction keeps its producer.

import { KafkaError, Producer, type ProducerOptions, type Transaction as Running } from 'millrace'
import { codecName } from './compression.ts'
import { type ErrorFacts, toKafkaJSError } from './error-mapping.ts'
import { KafkaJSNonRetriableError } from './errors.ts'
import type { Logger } from './logger.ts'
import { checkBatch, type RecordMetadata, toPartition } from './message.ts'
import { closeProducer } from './producer-pool.ts'
import type { Offsets, ProducerBatch, Transaction } from './producer-types.ts'
import type { ProducerWatch } from './producer-watch.ts'
import type { Sender } from './sender.ts'

/** Called with the offsets of a transaction, for the consumer of the same client. */
export type OffsetsSent = (groupId: string, topics: Offsets['topics']) => void

/** kafkajs uses text for offsets, and its consumers also return partitions as text. */
const toOffsets = (topics: Offsets['topics']) =>
  topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({
      topic,
      partition: toPartition(partition) as number,
      offset: Number(offset),
    })),
  )

/** The state of one transaction of the program. */
class OneTransaction {
  readonly #owner: Transactions
  #running: Running
  #isUsed = false
  #ended = false

  constructor(owner: Transactions, running: Running) {
    this.#owner = owner
    this.#running = running
  }

  get isActive(): boolean {
    return !this.#ended
  }

  async sendBatch(batch: ProducerBatch): Promise<RecordMetadata[]> {
    const { topicMessages = [], acks, compression } = batch
    checkBatch(topicMessages, acks, true)
    this.#owner.checkConnected()
    if (!this.#isUsed) this.#running = await this.#owner.withCodec(compression, this.#running)
    this.#isUsed = true
    return this.#owner.sender.send(this.#owner.producer, this.#running, topicMessages, acks)
  }

  async sendOffsets({ topics, consumerGroupId }: Offsets & { consumerGroupId: string }) {
    if (!consumerGroupId) throw new KafkaJSNonRetriableError('Missing consumerGroupId')
    if (!topics) throw new KafkaJSNonRetriableError('Missing offset topics')
    this.#isUsed = true
    const offsets = toOffsets(topics)
    await this.#owner.limited((signal) =>
      this.#running.sendOffsets(offsets, consumerGroupId, { signal }),
    )
    this.#owner.offsetsSent(consumerGroupId, topics)
  }

  async end(commit: boolean): Promise<void> {
    try {
      await this.#owner.limited((signal) =>
        commit ? this.#running.commit({ signal }) : this.#running.abort({ signal }),
      )
    } catch (error) {
      // An abortable error leaves the transaction active; a fatal one ends it.
      if (error instanceof KafkaError && error.kind !== 'fatal') throw error
      this.#finish()
      throw error
    }
    this.#finish()
  }

  #finish(): void {
    this.#ended = true
    this.#owner.onEnded()
  }

  checkActive(): void {
    if (this.#ended) {
      throw new KafkaJSNonRetriableError('Cannot continue to use transaction once ended')
    }
  }
}

export interface TransactionsOwner {
  readonly sender: Sender
  readonly logger: Logger
  readonly watch: ProducerWatch
  readonly facts: ErrorFacts
  /** Throws if the kafkajs producer is not connected. */
  readonly checkConnected: () => void
  readonly offsetsSent: OffsetsSent
}

export class Transactions {
  readonly #options: ProducerOptions
  readonly #owner: TransactionsOwner
  #producer: Producer
  #codec = 'none'
  #isBusy = false

  constructor(options: ProducerOptions, owner: TransactionsOwner) {
    this.#options = options
    this.#owner = owner
    this.#producer = this.#create(options)
  }

  get producer(): Producer {
    return this.#producer
  }

  get sender(): Sender {
    return this.#owner.sender
  }

  get offsetsSent(): OffsetsSent {
    return this.#owner.offsetsSent
  }

  checkConnected(): void {
    this.#owner.checkConnected()
  }

  async begin(): Promise<Transaction> {
    if (this.#isBusy) {
      throw new KafkaJSNonRetriableError(
        'There is already an ongoing transaction for this producer. ' +
          'Please end the transaction before beginning another.',
      )
    }
    this.#isBusy = true
    try {
      const running = await this.limited((signal) => this.#producer.beginTransaction({ signal }))
      return present(new OneTransaction(this, running), this.#owner.facts)
    } catch (error) {
      this.#isBusy = false
      throw toKafkaJSError(error, this.#owner.facts)
    }
  }

  /**
   * Runs a call that waits for brokers. Without a reachable broker it ends when the retries that
   * the program set are exhausted.
   */
  async limited<Value>(call: (signal: AbortSignal | undefined) => Promise<Value>): Promise<Value> {
    const guard = this.#owner.watch.beginSend(this.#producer)
    try {
      return await call(guard.signal)
    } catch (error) {
      throw guard.expiredBy ?? error
    } finally {
      guard.end()
    }
  }

  /** Returns an empty transaction on a producer with this codec. */
  async withCodec(compression: number | null | undefined, running: Running): Promise<Running> {
    const codec = codecName(compression)
    if (codec === 'none' || codec === this.#codec) return running
    this.#owner.logger.debug(`Transactions use the codec ${codec} from now on`)
    await running.abort()
    await this.#producer.close()
    this.#codec = codec
    this.#producer = this.#create({ ...this.#options, compression: codec })
    return this.#producer.beginTransaction()
  }

  onEnded(): void {
    this.#isBusy = false
  }

  async close(): Promise<void> {
    await closeProducer(this.#producer, this.#owner.watch, this.#options.requestTimeoutMs)
  }

  #create(options: ProducerOptions): Producer {
    const producer = new Producer(options)
    this.#owner.watch.add(producer)
    return producer
  }
}

/** The functions of kafkajs as a plain object, so that a program may destructure it. */
const present = (transaction: OneTransaction, facts: ErrorFacts): Transaction => {
  const guarded =
    <Args extends unknown[], Value>(call: (...args: Args) => Promise<Value>) =>
    async (...args: Args): Promise<Value> => {
      transaction.checkActive()
      try {
        return await call(...args)
      } catch (error) {
        throw toKafkaJSError(error, facts)
      }
    }
  return {
    send: guarded(async ({ topic, messages, ...settings }) =>
      transaction.sendBatch({ ...settings, topicMessages: [{ topic, messages }] }),
    ),
    sendBatch: guarded(async (batch) => transaction.sendBatch(batch)),
    sendOffsets: guarded(async (offsets) => transaction.sendOffsets(offsets)),
    commit: guarded(() => transaction.end(true)),
    abort: guarded(() => transaction.end(false)),
    isActive: () => transaction.isActive,
  }
}
