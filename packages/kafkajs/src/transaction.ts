// Transactions as kafkajs has them: an object with send, sendBatch, sendOffsets, commit and abort.
// They run on one producer of millrace with the transactional id, one at a time. A codec belongs to
// a producer, so the first send decides about it: where it is another than the producer's, the
// transaction, still empty, is begun again on a producer that has it.

import { KafkaError, Producer, type ProducerOptions, type Transaction as Running } from 'millrace'
import { codecName } from './compression.ts'
import { toKafkaJSError } from './error-mapping.ts'
import { KafkaJSNonRetriableError } from './errors.ts'
import type { Logger } from './logger.ts'
import type { RecordMetadata } from './message.ts'
import type { Offsets, ProducerBatch, Transaction } from './producer-types.ts'
import type { Sender } from './sender.ts'

/** kafkajs has offsets as text. */
const toOffsets = (topics: Offsets['topics']) =>
  topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) })),
  )

const checkAcks = (acks: number | null | undefined): void => {
  if (acks === undefined || acks === null || acks === -1) return
  throw new KafkaJSNonRetriableError(`acks is ${acks}: a transaction needs -1`)
}

/** One transaction: what the user's object stands for. */
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
    this.#checkActive()
    const { topicMessages = [], acks, compression } = batch
    checkAcks(acks)
    if (!this.#isUsed) this.#running = await this.#owner.withCodec(compression, this.#running)
    this.#isUsed = true
    return this.#owner.sender.send(this.#owner.producer, this.#running, topicMessages, acks)
  }

  async sendOffsets({ topics, consumerGroupId }: Offsets & { consumerGroupId: string }) {
    this.#checkActive()
    this.#isUsed = true
    await this.#running.sendOffsets(toOffsets(topics), consumerGroupId)
  }

  async end(commit: boolean): Promise<void> {
    this.#checkActive()
    try {
      await (commit ? this.#running.commit() : this.#running.abort())
    } catch (error) {
      // What can be aborted is still active; what is beyond help is not.
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

  #checkActive(): void {
    if (this.#ended) {
      throw new KafkaJSNonRetriableError('The transaction has ended: begin another one')
    }
  }
}

export class Transactions {
  readonly sender: Sender
  readonly #options: ProducerOptions
  readonly #logger: Logger
  readonly #created: (producer: Producer) => void
  #producer: Producer
  #codec = 'none'
  #isBusy = false

  /** `created` hears of each producer before it sends. */
  constructor(
    options: ProducerOptions,
    sender: Sender,
    logger: Logger,
    created: (producer: Producer) => void,
  ) {
    this.#options = options
    this.sender = sender
    this.#logger = logger
    this.#created = created
    this.#producer = this.#create(options)
  }

  #create(options: ProducerOptions): Producer {
    const producer = new Producer(options)
    this.#created(producer)
    return producer
  }

  get producer(): Producer {
    return this.#producer
  }

  async begin(): Promise<Transaction> {
    if (this.#isBusy) {
      throw new KafkaJSNonRetriableError(
        'A transaction is under way: commit or abort it before the next one',
      )
    }
    this.#isBusy = true
    try {
      return present(new OneTransaction(this, await this.#producer.beginTransaction()))
    } catch (error) {
      this.#isBusy = false
      throw toKafkaJSError(error)
    }
  }

  /** An empty transaction, on a producer with this codec. */
  async withCodec(compression: number | null | undefined, running: Running): Promise<Running> {
    const codec = codecName(compression)
    if (codec === 'none' || codec === this.#codec) return running
    this.#logger.debug(`Transactions use the codec ${codec} from now on`)
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
    await this.#producer.close()
  }
}

/** The functions of kafkajs, which may be taken out of their object. */
const present = (transaction: OneTransaction): Transaction => {
  const mapped = async <Value>(call: Promise<Value>): Promise<Value> => {
    try {
      return await call
    } catch (error) {
      throw toKafkaJSError(error)
    }
  }
  return {
    send: ({ topic, messages, ...settings }) =>
      mapped(transaction.sendBatch({ ...settings, topicMessages: [{ topic, messages }] })),
    sendBatch: (batch) => mapped(transaction.sendBatch(batch)),
    sendOffsets: (offsets) => mapped(transaction.sendOffsets(offsets)),
    commit: () => mapped(transaction.end(true)),
    abort: () => mapped(transaction.end(false)),
    isActive: () => transaction.isActive,
  }
}
