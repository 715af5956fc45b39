// Mutations of the engine.

import { Batch } from '../../src/engine/batch/batch.ts'
import { BatchProgress } from '../../src/engine/batch/batch-progress.ts'
import { BufferPool } from '../../src/engine/batch/buffer-pool.ts'
import { MemoryBudget } from '../../src/engine/batch/memory-budget.ts'
import { Accumulator } from '../../src/engine/buffer/accumulator.ts'
import { RecordCancellation } from '../../src/engine/buffer/record-cancellation.ts'
import { TopicState } from '../../src/engine/buffer/topic-state.ts'
import { BatchFailures } from '../../src/engine/delivery/batch-failures.ts'
import { Delivery } from '../../src/engine/delivery/delivery.ts'
import { FlushGenerations } from '../../src/engine/delivery/flush-generations.ts'
import { IncompleteBatches } from '../../src/engine/delivery/incomplete-batches.ts'
import { Settlement } from '../../src/engine/delivery/settlement.ts'
import { PartitionQueue } from '../../src/engine/dispatch/partition-queue.ts'
import { ProducerIdentityState } from '../../src/engine/dispatch/producer-identity-state.ts'
import { SequenceNumbers } from '../../src/engine/dispatch/sequence-numbers.ts'
import { EngineParts } from '../../src/engine/engine-parts.ts'
import { Measurements } from '../../src/engine/metrics/measurements.ts'
import { KafkaError, type Persisted } from '../../src/protocol/kafka-error.ts'
import { inGetter, inMethod, type Mutation, mutation } from './mutation.ts'
import type { Patches } from './patch.ts'

const says = (error: KafkaError, persisted: Persisted): KafkaError =>
  new KafkaError(error.code, error.message, {
    persisted,
    kind: error.kind,
    topic: error.topic,
    partition: error.partition,
  })

/** Every failed batch says the same of itself. */
const alwaysSays = (patches: Patches, persisted: Persisted): void =>
  patches.method(
    BatchFailures.prototype,
    'fail',
    (original) =>
      function fail(this: BatchFailures, batch, error) {
        original.call(this, batch, says(error, persisted))
      },
  )

/** The pool that each buffer came from. */
const recordPools = (patches: Patches): WeakMap<Buffer, BufferPool> => {
  const pools = new WeakMap<Buffer, BufferPool>()
  patches.method(
    BufferPool.prototype,
    'acquire',
    (original) =>
      function acquire(this: BufferPool, bytes) {
        const buffer = original.call(this, bytes)
        pools.set(buffer, this)
        return buffer
      },
  )
  return pools
}

export const engineMutations: Readonly<Record<string, Mutation>> = {
  'sequence-not-rolled': inMethod(
    'the next batch gets the number of the one before',
    SequenceNumbers,
    'assign',
    (original) =>
      function assign(this: SequenceNumbers, batch) {
        const isNew = batch.baseSequence < 0
        original.call(this, batch)
        if (isNew && batch.baseSequence >= 0) this.startAt(batch.baseSequence)
      },
  ),
  'epoch-not-bumped': inMethod(
    'a restart goes on under the epoch of before',
    ProducerIdentityState,
    'bump',
    () =>
      function bump(this: ProducerIdentityState) {
        this.onIdentity({ ...this.identity })
      },
  ),
  'restart-not-at-zero': inMethod(
    'a new epoch does not begin at sequence 0',
    SequenceNumbers,
    'assign',
    (original) =>
      function assign(this: SequenceNumbers, batch) {
        const isNew = batch.baseSequence < 0
        original.call(this, batch)
        if (!isNew || batch.epoch < 1 || batch.baseSequence !== 0) return
        batch.setSequence(batch, 1)
        this.startAt(1 + batch.recordCount)
      },
  ),
  'restart-does-not-wait': inMethod(
    'numbers restart while batches are in flight',
    SequenceNumbers,
    'allows',
    (original) =>
      function allows(this: SequenceNumbers, waiting) {
        return original.call(this, waiting, true)
      },
  ),
  'gap-ignored': inMethod(
    'a sequence number that is lost leads to no restart',
    SequenceNumbers,
    'wantRestart',
    () => () => {},
  ),
  'number-used-again': inMethod(
    'a batch that failed gives its sequence number back',
    BatchFailures,
    'fail',
    (original) =>
      function fail(this: BatchFailures, batch, error) {
        const { baseSequence, queue } = batch
        const { sequenceNumbers } = queue
        const wantRestart = sequenceNumbers.wantRestart
        sequenceNumbers.wantRestart = () => {}
        original.call(this, batch, error)
        sequenceNumbers.wantRestart = wantRestart
        if (baseSequence >= 0) sequenceNumbers.startAt(baseSequence)
      },
  ),
  'retry-overtaken': inMethod(
    'a batch that is sent again goes to the end of its queue',
    PartitionQueue,
    'reenqueue',
    () =>
      function reenqueue(this: PartitionQueue, batch) {
        batch.transition('ready')
        this.waiting.push(batch)
      },
  ),
  'retry-renumbered': inMethod(
    'a batch that may be written is sent under a new number',
    PartitionQueue,
    'reenqueue',
    (original) =>
      function reenqueue(this: PartitionQueue, batch) {
        batch.clearSequence()
        original.call(this, batch)
      },
  ),
  'retry-lost': inMethod(
    'a batch that is to be sent again is forgotten',
    PartitionQueue,
    'reenqueue',
    () =>
      function reenqueue(_batch) {
        _batch.transition('ready')
      },
  ),
  'first-batch-limit-removed': inMethod(
    'the first batches of a partition go out together',
    PartitionQueue,
    'take',
    (original) =>
      function take(this: PartitionQueue, head) {
        original.call(this, head)
        this.onAcknowledged()
      },
  ),
  'first-receiver-skipped': inMethod(
    'a sequence error is always caused by another batch',
    PartitionQueue,
    'isFirst',
    () => () => false,
  ),
  'in-flight-limit-ignored': inMethod(
    'without idempotence batches are pipelined',
    TopicState,
    'update',
    (original) =>
      function update(this: TopicState, view, sequencer, rules, leaders) {
        return original.call(this, view, sequencer, { ...rules, inFlightMax: 5 }, leaders)
      },
  ),
  'settled-twice': inMethod(
    'the first record of a batch settles twice',
    Settlement,
    'settleBatch',
    (original) =>
      function settleBatch(this: Settlement, outcome) {
        const { batch } = outcome
        const settle = batch.settleOf(0)
        const error = new KafkaError('INTERNAL', 'settled twice')
        original.call(this, outcome)
        this.failRecord({ settle, tag: batch.tagOf(0), error, flushGeneration: -1 })
      },
  ),
  'offset-wrong': inMethod(
    'offsets are one too high',
    Settlement,
    'settleBatch',
    (original) =>
      function settleBatch(this: Settlement, outcome) {
        const { baseOffset } = outcome
        original.call(this, { ...outcome, baseOffset: baseOffset < 0 ? -1 : baseOffset + 1 })
      },
  ),
  'failure-reported-as-success': inMethod(
    'a batch that failed settles as delivered',
    Settlement,
    'settleBatch',
    (original) =>
      function settleBatch(this: Settlement, outcome) {
        original.call(this, { ...outcome, error: null })
      },
  ),
  'persisted-always-no': mutation('every failed batch says that it is not in the log', (patches) =>
    alwaysSays(patches, 'no'),
  ),
  'persisted-always-maybe': mutation('every failed batch says that it may be there', (patches) =>
    alwaysSays(patches, 'maybe'),
  ),
  'abort-ignored': inMethod(
    'a cancelled record is sent all the same',
    Batch,
    'drop',
    () => () => {},
  ),
  'abort-says-no': inMethod(
    'a caller that cancels always gets no',
    RecordCancellation,
    'cancel',
    (original) =>
      function cancel(this: RecordCancellation, handle, settle, tag) {
        original.call(this, handle, settle, tag)
        return 'no'
      },
  ),
  'buffer-reused-in-flight': mutation(
    'a buffer is reused while its request is under way',
    (patches) => {
      const pools = recordPools(patches)
      patches.method(
        BatchProgress.prototype,
        'beginAttempt',
        (original) =>
          function beginAttempt(this: BatchProgress) {
            original.call(this)
            if (this instanceof Batch) pools.get(this.buffer)?.release(this.buffer)
          },
      )
    },
  ),
  'buffer-released-before-response': mutation(
    'the buffer of a batch that expired in flight is reused',
    (patches) => {
      const pools = recordPools(patches)
      patches.method(
        BatchFailures.prototype,
        'fail',
        (original) =>
          function fail(this: BatchFailures, batch, error) {
            original.call(this, batch, error)
            if (batch.attempts > 0) pools.get(batch.buffer)?.release(batch.buffer)
          },
      )
    },
  ),
  'acknowledgement-not-forgotten': inMethod(
    'a new leader or producer id, or a topic made again, gets several first batches',
    PartitionQueue,
    'forgetAcknowledgement',
    () => () => {},
  ),
  'unknown-outcome-forgotten': mutation(
    'the response of a broker that lost its producer state counts as proof',
    (patches) =>
      patches.method(
        BatchFailures.prototype,
        'fail',
        (original) =>
          function fail(this: BatchFailures, batch, error) {
            const wasProved = !batch.maybeWritten && !batch.isInFlight
            original.call(this, batch, wasProved ? says(error, 'no') : error)
          },
      ),
  ),
  'header-not-rewritten': mutation(
    'a batch goes out under its old number and checksum',
    (patches) => {
      const written = new WeakSet<Batch>()
      patches.method(
        Batch.prototype,
        'writeHeader',
        (original) =>
          function writeHeader(this: Batch, isTransactional) {
            if (written.has(this) && !this.isCompressed) return
            written.add(this)
            original.call(this, isTransactional)
          },
      )
    },
  ),
  'deadline-ignored': inMethod(
    'a batch has no deadline',
    IncompleteBatches,
    'add',
    (original) =>
      function add(this: IncompleteBatches, batch) {
        batch.suspendDeadline()
        original.call(this, batch)
      },
  ),
  'flush-returns-early': inMethod(
    'flush is over at once',
    FlushGenerations,
    'endGeneration',
    () => (done) => {
      done()
      return () => {}
    },
  ),
  'piece-not-counted': inMethod(
    'the second half of a split batch is not tracked',
    IncompleteBatches,
    'addPiece',
    () => () => {},
  ),
  'memory-unbounded': inGetter('there is always space', Accumulator, 'hasSpace', () => () => true),
  'memory-leaked': inMethod(
    'settled batches give back half of what they took',
    MemoryBudget,
    'release',
    (original) =>
      function release(this: MemoryBudget, cost) {
        original.call(this, Math.floor(cost / 2))
      },
  ),
  'cancelled-not-counted': inMethod(
    'a record that its caller cancelled counts as nothing',
    Measurements,
    'onRecordCancelled',
    () => () => {},
  ),
  'refused-not-counted': inMethod(
    'a record that was not taken is reported, and counts as nothing',
    Measurements,
    'onRecordRefused',
    () =>
      function onRecordRefused(this: Measurements, error) {
        this.announcements.recordFailed(error)
      },
  ),
  'waiting-memory-kept': inMethod(
    'records that fail while they wait keep their memory',
    MemoryBudget,
    'releaseWaiting',
    (original) =>
      function releaseWaiting(this: MemoryBudget, cost) {
        original.call(this, cost - 1)
      },
  ),
  'space-not-reported': inMethod(
    'a caller that waits for space is not notified',
    EngineParts,
    'beginStep',
    (original) =>
      function beginStep(this: EngineParts) {
        Object.assign(this.host, { onSpace: () => {} })
        original.call(this)
      },
  ),
  'line-stands-still': inMethod(
    'no record that waits for space is admitted',
    Accumulator,
    'admitWaiting',
    () => () => {},
  ),
  'line-overtaken': mutation('a send passes those that wait for space', (patches) => {
    const budgets = new WeakMap<Accumulator, MemoryBudget>()
    patches.method(
      EngineParts.prototype,
      'beginStep',
      (original) =>
        function beginStep(this: EngineParts) {
          budgets.set(this.accumulator, this.budget)
          original.call(this)
        },
    )
    patches.getter(
      Accumulator.prototype,
      'hasSpace',
      () =>
        function hasSpace(this: Accumulator) {
          const { usedBytes = 0, waitingBytes = 0 } = budgets.get(this) ?? {}
          return usedBytes < 24_576 && waitingBytes < 40_000
        },
    )
  }),
  'destroy-forgets-waiting': inMethod(
    'waiting records do not fail when the producer is destroyed',
    Accumulator,
    'failAllWaiting',
    () => () => {},
  ),
  'landing-forgotten': inMethod(
    'a batch whose request was lost stays in flight',
    Delivery,
    'onFailed',
    () => () => {},
  ),
}
