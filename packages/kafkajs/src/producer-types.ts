// The public types of a kafkajs producer and a kafkajs transaction. They must accept every program
// that compiles against kafkajs's own types. producer.ts and transaction.ts implement them;
// names.ts exports them.

import type {
  ConnectEvent,
  DisconnectEvent,
  InstrumentationEvent,
  ProducerEventName,
  ProducerEvents,
  RemoveInstrumentationEventListener,
  RequestEvent,
  RequestQueueSizeEvent,
  RequestTimeoutEvent,
} from './events.ts'
import type { Logger } from './logger.ts'
import type { Message, RecordMetadata, TopicMessages } from './message.ts'
import type { SendSettings } from './producer-pool.ts'

/** Messages of one topic, and the settings of the send. */
export interface ProducerRecord extends SendSettings {
  /** The topic to write to. */
  topic: string
  /** The messages, in the order in which they are sent. */
  messages: Message[]
}

/** Messages of several topics, and the settings of the send. */
export interface ProducerBatch extends SendSettings {
  /** The messages by topic. */
  topicMessages?: TopicMessages[]
}

export interface MessageSender {
  /** Resolves when every message is acknowledged as `acks` requires. */
  send(record: ProducerRecord): Promise<RecordMetadata[]>
  sendBatch(batch: ProducerBatch): Promise<RecordMetadata[]>
}

/** The next offset to read from a partition, as text. */
export interface PartitionOffset {
  /** The number of the partition. */
  partition: number
  /** The offset of the next message to read. */
  offset: string
}

/** Offsets of the partitions of a topic. */
export interface TopicOffsets {
  /** The topic that was read. */
  topic: string
  /** One entry for each partition. */
  partitions: PartitionOffset[]
}

/** The offsets of a group that a transaction commits. */
export interface Offsets {
  /** One entry for each topic. */
  topics: TopicOffsets[]
}

/** kafkajs's transaction. */
export interface Transaction extends MessageSender {
  /** Commits consumed offsets as part of the transaction. */
  sendOffsets(offsets: Offsets & { consumerGroupId: string }): Promise<void>
  /** Resolves when the coordinator has committed the messages and the offsets. */
  commit(): Promise<void>
  /** Resolves when the coordinator has aborted the transaction: none of it is read. */
  abort(): Promise<void>
  /** True until commit or abort is called. */
  isActive(): boolean
}

/** kafkajs's producer. */
export interface Producer extends MessageSender {
  /** Resolves when a broker has responded. */
  connect(): Promise<void>
  /**
   * Delivers the messages sent so far and disconnects. If brokers can't be reached, it waits for
   * them as long as `retry` says.
   */
  disconnect(): Promise<void>
  /**
   * Resolves when every message sent so far has its result, as in the promisified interface of
   * `@confluentinc/kafka-javascript`. Rejects with KafkaJSTimeout after `timeout` milliseconds; 500
   * by default.
   */
  flush(options?: { timeout?: number }): Promise<void>
  /** Begins a transaction; requires a `transactionalId`. Only one may be open at a time. */
  transaction(): Promise<Transaction>
  /** Whether the option `idempotent` is set. */
  isIdempotent(): boolean
  /** The names of the events, for `on`. */
  readonly events: ProducerEvents
  /** Calls the listener for each event of this name; returns a function that removes it. */
  on(
    eventName: ProducerEvents['CONNECT'],
    listener: (event: ConnectEvent) => void,
  ): RemoveInstrumentationEventListener<typeof eventName>
  on(
    eventName: ProducerEvents['DISCONNECT'],
    listener: (event: DisconnectEvent) => void,
  ): RemoveInstrumentationEventListener<typeof eventName>
  on(
    eventName: ProducerEvents['REQUEST'],
    listener: (event: RequestEvent) => void,
  ): RemoveInstrumentationEventListener<typeof eventName>
  on(
    eventName: ProducerEvents['REQUEST_TIMEOUT'],
    listener: (event: RequestTimeoutEvent) => void,
  ): RemoveInstrumentationEventListener<typeof eventName>
  on(
    eventName: ProducerEvents['REQUEST_QUEUE_SIZE'],
    listener: (event: RequestQueueSizeEvent) => void,
  ): RemoveInstrumentationEventListener<typeof eventName>
  on(
    eventName: ProducerEventName,
    // biome-ignore lint/suspicious/noExplicitAny: each event has a payload of its own
    listener: (event: InstrumentationEvent<any>) => void,
  ): RemoveInstrumentationEventListener<typeof eventName>
  /** The logger of the producer. */
  logger(): Logger
}
