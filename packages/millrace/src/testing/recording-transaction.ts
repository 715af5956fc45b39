// A transaction of a RecordingProducer: its records are recorded when it commits and dropped when
// it aborts. If a record fails, the commit must fail, as in the real producer. Caller:
// recording-producer.ts.

import type { BatchResult } from '../producer/batch-result.ts'
import { guarded } from '../producer/caller.ts'
import {
  type ConsumerGroupMetadata,
  groupMetadataOf,
  type OffsetToCommit,
  offsetsOf,
} from '../producer/consumed-offsets.ts'
import type { TransactionLike } from '../producer/producer-like.ts'
import type { ProducerRecord, RecordMetadata, SettleCallback } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { RecordedRecord } from './recorded-record.ts'
import { type RecordingCore, RecordingSender } from './recording-sender.ts'

/** The records and offsets that a transaction commits. */
export interface CommittedWork {
  readonly records: readonly RecordedRecord[]
  readonly offsets: readonly { groupId: string; topic: string; partition: number; offset: number }[]
}

export interface RecordingTransactionHost {
  checkOpen(call: string): void
  /** Called when the transaction ends; null = it was aborted. */
  onEnded(work: CommittedWork | null): void
}

/** A transaction of a `RecordingProducer`: its records are recorded when it commits. */
export class RecordingTransaction implements TransactionLike {
  readonly #core: RecordingCore
  readonly #host: RecordingTransactionHost
  readonly #sender: RecordingSender
  readonly #records: RecordedRecord[] = []
  readonly #offsets: CommittedWork['offsets'][number][] = []
  #failure: KafkaError | null = null
  #isOpen = true

  /** Created by `beginTransaction`. */
  constructor(core: RecordingCore, host: RecordingTransactionHost) {
    this.#core = core
    this.#host = host
    this.#sender = new RecordingSender(core, {
      check: (call) => this.#check(call),
      write: (record) => this.#records.push(record),
      onFailed: (error) => {
        this.#failure ??= error
      },
    })
  }

  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return this.#sender.send(record, options)
  }

  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return this.#sender.sendBatch(records, options)
  }

  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    return this.#sender.enqueue(record, callback)
  }

  sendOffsets(
    offsets: readonly OffsetToCommit[],
    group: string | ConsumerGroupMetadata,
  ): Promise<void> {
    const call = async (): Promise<void> => {
      const checked = offsetsOf(offsets)
      const { groupId } = groupMetadataOf(group)
      this.#check('sendOffsets')
      for (const { topic, partition, offset } of checked) {
        this.#offsets.push({ groupId, topic, partition, offset })
      }
    }
    return guarded(call())
  }

  commit(): Promise<void> {
    const call = async (): Promise<void> => {
      this.#check('commit')
      await this.#core.settling.whenIdle()
      if (this.#failure !== null) {
        throw new KafkaError('TRANSACTION_ABORTED', 'commit: a record of the transaction failed', {
          cause: this.#failure,
        })
      }
      this.#end({ records: this.#records, offsets: this.#offsets })
    }
    return guarded(call())
  }

  abort(): Promise<void> {
    const call = async (): Promise<void> => {
      this.#check('abort')
      await this.#core.settling.whenIdle()
      this.#end(null)
    }
    return guarded(call())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOpen) await this.abort()
  }

  #end(work: CommittedWork | null): void {
    this.#isOpen = false
    this.#host.onEnded(work)
  }

  #check(call: string): void {
    this.#host.checkOpen(call)
    if (!this.#isOpen) throw new KafkaError('INVALID_STATE', `${call}: the transaction has ended`)
  }
}
