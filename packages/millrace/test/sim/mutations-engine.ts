// Mutations of the engine.

import { Accumulator } from '../../src/engine/accumulator.ts'
import { Batch } from '../../src/engine/batch.ts'
import { Delivery } from '../../src/engine/delivery.ts'
import { Engine } from '../../src/engine/engine.ts'
import { FlushGenerations } from '../../src/engine/flush-generations.ts'
import { Numbering } from '../../src/engine/numbering.ts'
import { PartitionQueue } from '../../src/engine/partition-queue.ts'
import { Sequencer } from '../../src/engine/sequencer.ts'
import { Settlement } from '../../src/engine/settlement.ts'
import { TopicState } from '../../src/engine/topic-state.ts'
import { KafkaError, type Persisted } from '../../src/protocol/kafka-error.ts'
import type { Mutation } from './mutations.ts'
import type { Patches } from './patch.ts'

const mutation = (what: string, install: Mutation['install']): Mutation => ({ what, install })

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
    Delivery.prototype,
    'fail',
    (original) =>
      function fail(this: Delivery, batch, error) {
        original.call(this, batch, says(error, persisted))
      },
  )

export const engineMutations: Readonly<Record<string, Mutation>> = {
  'sequence-not-rolled': mutation('the next batch gets the number of the one before', (patches) =>
    patches.method(
      Numbering.prototype,
      'assign',
      (original) =>
        function assign(this: Numbering, batch) {
          const isNew = batch.baseSequence < 0
          original.call(this, batch)
          if (isNew && batch.baseSequence >= 0) this.startAt(batch.baseSequence)
        },
    ),
  ),
  'epoch-not-bumped': mutation('a restart goes on under the epoch of before', (patches) =>
    patches.method(
      Sequencer.prototype,
      'bump',
      () =>
        function bump(this: Sequencer) {
          this.onIdentity({ ...this.identity })
        },
    ),
  ),
  'restart-not-at-zero': mutation('a new epoch does not begin at sequence 0', (patches) =>
    patches.method(
      Numbering.prototype,
      'assign',
      (original) =>
        function assign(this: Numbering, batch) {
          const isNew = batch.baseSequence < 0
          original.call(this, batch)
          if (!isNew || batch.epoch < 1 || batch.baseSequence !== 0) return
          batch.setSequence(batch, 1)
          this.startAt(1 + batch.recordCount)
        },
    ),
  ),
  'restart-does-not-wait': mutation('numbers restart while batches are in flight', (patches) =>
    patches.method(
      Numbering.prototype,
      'allows',
      (original) =>
        function allows(this: Numbering, waiting) {
          return original.call(this, waiting, true)
        },
    ),
  ),
  'gap-ignored': mutation('a number that was given up leaves no restart', (patches) =>
    patches.method(Numbering.prototype, 'wantRestart', () => () => {}),
  ),
  'number-used-again': mutation('a batch that was given up gives its number back', (patches) =>
    patches.method(
      Delivery.prototype,
      'fail',
      (original) =>
        function fail(this: Delivery, batch, error) {
          const { baseSequence, queue } = batch
          const { numbering } = queue
          const wantRestart = numbering.wantRestart
          numbering.wantRestart = () => {}
          original.call(this, batch, error)
          numbering.wantRestart = wantRestart
          if (baseSequence >= 0) numbering.startAt(baseSequence)
        },
    ),
  ),
  'retry-overtaken': mutation('a batch that is sent again goes to the end of its line', (patches) =>
    patches.method(
      PartitionQueue.prototype,
      'putBack',
      () =>
        function putBack(this: PartitionQueue, batch) {
          batch.transition('ready')
          this.waiting.push(batch)
        },
    ),
  ),
  'retry-renumbered': mutation(
    'a batch that may be written is sent under a new number',
    (patches) =>
      patches.method(
        PartitionQueue.prototype,
        'putBack',
        (original) =>
          function putBack(this: PartitionQueue, batch) {
            batch.clearSequence()
            original.call(this, batch)
          },
      ),
  ),
  'retry-lost': mutation('a batch that is to be sent again is forgotten', (patches) =>
    patches.method(
      PartitionQueue.prototype,
      'putBack',
      () =>
        function putBack(_batch) {
          _batch.transition('ready')
        },
    ),
  ),
  'gate-removed': mutation('the first batches of a partition go out together', (patches) =>
    patches.method(
      PartitionQueue.prototype,
      'take',
      (original) =>
        function take(this: PartitionQueue, head) {
          original.call(this, head)
          this.onAcknowledged()
        },
    ),
  ),
  'first-is-nobody': mutation('a sequence error is always somebody else’s', (patches) =>
    patches.method(PartitionQueue.prototype, 'isFirst', () => () => false),
  ),
  'in-flight-limit-ignored': mutation('without idempotence batches are pipelined', (patches) =>
    patches.method(
      TopicState.prototype,
      'update',
      (original) =>
        function update(this: TopicState, view, sequencer, _rules) {
          original.call(this, view, sequencer, { inFlightMax: 5 })
        },
    ),
  ),
  'settled-twice': mutation('the first record of a batch is told twice', (patches) =>
    patches.method(
      Settlement.prototype,
      'settleBatch',
      (original) =>
        function settleBatch(this: Settlement, outcome) {
          const { batch } = outcome
          const settle = batch.settles[0] ?? null
          const error = new KafkaError('INTERNAL', 'told twice')
          original.call(this, outcome)
          this.failRecord({ settle, tag: batch.tagOf(0), error, flushGeneration: -1 })
        },
    ),
  ),
  'offset-wrong': mutation('offsets are one too high', (patches) =>
    patches.method(
      Settlement.prototype,
      'settleBatch',
      (original) =>
        function settleBatch(this: Settlement, outcome) {
          const { baseOffset } = outcome
          original.call(this, { ...outcome, baseOffset: baseOffset < 0 ? -1 : baseOffset + 1 })
        },
    ),
  ),
  'failure-told-as-success': mutation('a batch that failed is told as delivered', (patches) =>
    patches.method(
      Settlement.prototype,
      'settleBatch',
      (original) =>
        function settleBatch(this: Settlement, outcome) {
          original.call(this, { ...outcome, error: null })
        },
    ),
  ),
  'persisted-always-no': mutation('every failed batch says that it is not in the log', (patches) =>
    alwaysSays(patches, 'no'),
  ),
  'persisted-always-maybe': mutation('every failed batch says that it may be there', (patches) =>
    alwaysSays(patches, 'maybe'),
  ),
  'abort-not-obeyed': mutation('a record that was given up is sent all the same', (patches) =>
    patches.method(Batch.prototype, 'drop', () => () => {}),
  ),
  'abort-says-no': mutation('whoever gives up is always told no', (patches) =>
    patches.method(
      Engine.prototype,
      'abandon',
      (original) =>
        function abandon(this: Engine, place, settle, tag) {
          original.call(this, place, settle, tag)
          return 'no'
        },
    ),
  ),
  'buffer-reused-in-flight': mutation(
    'a buffer is reused while its request is under way',
    (patches) =>
      patches.method(
        Engine.prototype,
        'onRequestSent',
        (original) =>
          function onRequestSent(this: Engine, request) {
            original.call(this, request)
            for (const { buffer } of request.batches) this.pool.release(buffer)
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
          function writeHeader(this: Batch) {
            if (written.has(this) && this.compressed === null) return
            written.add(this)
            original.call(this)
          },
      )
    },
  ),
  'deadline-ignored': mutation('a batch has all the time in the world', (patches) =>
    patches.method(
      Engine.prototype,
      'onBatchCreated',
      (original) =>
        function onBatchCreated(this: Engine, batch) {
          batch.deadline = Number.POSITIVE_INFINITY
          original.call(this, batch)
        },
    ),
  ),
  'flush-returns-early': mutation('flush is over at once', (patches) =>
    patches.method(FlushGenerations.prototype, 'endGeneration', () => (done) => done()),
  ),
  'piece-not-counted': mutation('the second half of a split batch is nobody’s', (patches) =>
    patches.method(Engine.prototype, 'onPiece', () => () => {}),
  ),
  'memory-unbounded': mutation('there is always room', (patches) =>
    patches.getter(Accumulator.prototype, 'hasRoom', () => () => true),
  ),
  'memory-leaked': mutation('settled batches give back half of what they took', (patches) =>
    patches.method(
      Accumulator.prototype,
      'giveBack',
      (original) =>
        function giveBack(this: Accumulator, cost) {
          original.call(this, Math.floor(cost / 2))
        },
    ),
  ),
  'room-not-told': mutation('whoever waits for room is not told of it', (patches) =>
    patches.method(
      Engine.prototype,
      'step',
      (original) =>
        function step(this: Engine) {
          Object.assign(this.host, { onRoom: () => {} })
          return original.call(this)
        },
    ),
  ),
  'line-stands-still': mutation('nobody who waits for room is let in', (patches) =>
    patches.method(Accumulator.prototype, 'letIn', () => () => {}),
  ),
  'line-overtaken': mutation('a send passes those that wait for room', (patches) =>
    patches.getter(
      Accumulator.prototype,
      'hasRoom',
      () =>
        function hasRoom(this: Accumulator) {
          return this.usedBytes < 24_576 && this.waitingBytes < 40_000
        },
    ),
  ),
  'destroy-forgets-waiting': mutation(
    'who waits is not told that the producer is gone',
    (patches) => patches.method(Accumulator.prototype, 'failAllWaiting', () => () => {}),
  ),
  'landing-forgotten': mutation('a batch whose request was lost stays in flight', (patches) =>
    patches.method(Delivery.prototype, 'onFailed', () => () => {}),
  ),
}
