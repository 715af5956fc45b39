// Mutations of the engine.

import { Accumulator } from '../../src/engine/accumulator.ts'
import { Batch } from '../../src/engine/batch.ts'
import type { BufferPool } from '../../src/engine/buffer-pool.ts'
import { Delivery } from '../../src/engine/delivery.ts'
import { Engine } from '../../src/engine/engine.ts'
import { FlushGenerations } from '../../src/engine/flush-generations.ts'
import { Numbering } from '../../src/engine/numbering.ts'
import { PartitionQueue } from '../../src/engine/partition-queue.ts'
import { Sequencer } from '../../src/engine/sequencer.ts'
import { Settlement } from '../../src/engine/settlement.ts'
import { TopicState } from '../../src/engine/topic-state.ts'
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
    Delivery.prototype,
    'fail',
    (original) =>
      function fail(this: Delivery, batch, error) {
        original.call(this, batch, says(error, persisted))
      },
  )

export const engineMutations: Readonly<Record<string, Mutation>> = {
  'sequence-not-rolled': inMethod(
    'the next batch gets the number of the one before',
    Numbering,
    'assign',
    (original) =>
      function assign(this: Numbering, batch) {
        const isNew = batch.baseSequence < 0
        original.call(this, batch)
        if (isNew && batch.baseSequence >= 0) this.startAt(batch.baseSequence)
      },
  ),
  'epoch-not-bumped': inMethod(
    'a restart goes on under the epoch of before',
    Sequencer,
    'bump',
    () =>
      function bump(this: Sequencer) {
        this.onIdentity({ ...this.identity })
      },
  ),
  'restart-not-at-zero': inMethod(
    'a new epoch does not begin at sequence 0',
    Numbering,
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
  'restart-does-not-wait': inMethod(
    'numbers restart while batches are in flight',
    Numbering,
    'allows',
    (original) =>
      function allows(this: Numbering, waiting) {
        return original.call(this, waiting, true)
      },
  ),
  'gap-ignored': inMethod(
    'a number that was given up leaves no restart',
    Numbering,
    'wantRestart',
    () => () => {},
  ),
  'number-used-again': inMethod(
    'a batch that was given up gives its number back',
    Delivery,
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
  'retry-overtaken': inMethod(
    'a batch that is sent again goes to the end of its line',
    PartitionQueue,
    'putBack',
    () =>
      function putBack(this: PartitionQueue, batch) {
        batch.transition('ready')
        this.waiting.push(batch)
      },
  ),
  'retry-renumbered': inMethod(
    'a batch that may be written is sent under a new number',
    PartitionQueue,
    'putBack',
    (original) =>
      function putBack(this: PartitionQueue, batch) {
        batch.clearSequence()
        original.call(this, batch)
      },
  ),
  'retry-lost': inMethod(
    'a batch that is to be sent again is forgotten',
    PartitionQueue,
    'putBack',
    () =>
      function putBack(_batch) {
        _batch.transition('ready')
      },
  ),
  'gate-removed': inMethod(
    'the first batches of a partition go out together',
    PartitionQueue,
    'take',
    (original) =>
      function take(this: PartitionQueue, head) {
        original.call(this, head)
        this.onAcknowledged()
      },
  ),
  'first-is-nobody': inMethod(
    'a sequence error is always somebody else’s',
    PartitionQueue,
    'isFirst',
    () => () => false,
  ),
  'in-flight-limit-ignored': inMethod(
    'without idempotence batches are pipelined',
    TopicState,
    'update',
    (original) =>
      function update(this: TopicState, view, sequencer, rules) {
        original.call(this, view, sequencer, { ...rules, inFlightMax: 5 })
      },
  ),
  'settled-twice': inMethod(
    'the first record of a batch is told twice',
    Settlement,
    'settleBatch',
    (original) =>
      function settleBatch(this: Settlement, outcome) {
        const { batch } = outcome
        const settle = batch.settleOf(0)
        const error = new KafkaError('INTERNAL', 'told twice')
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
  'failure-told-as-success': inMethod(
    'a batch that failed is told as delivered',
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
  'abort-not-obeyed': inMethod(
    'a record that was given up is sent all the same',
    Batch,
    'drop',
    () => () => {},
  ),
  'abort-says-no': inMethod(
    'whoever gives up is always told no',
    Engine,
    'abandon',
    (original) =>
      function abandon(this: Engine, place, settle, tag) {
        original.call(this, place, settle, tag)
        return 'no'
      },
  ),
  'buffer-reused-in-flight': inMethod(
    'a buffer is reused while its request is under way',
    Engine,
    'onRequestSent',
    (original) =>
      function onRequestSent(this: Engine, request) {
        original.call(this, request)
        for (const { buffer } of request.batches) this.pool.release(buffer)
      },
  ),
  'buffer-released-in-doubt': mutation(
    'the buffer of a batch that expired in flight is reused',
    (patches) => {
      const pools = new WeakMap<Batch, BufferPool>()
      patches.method(
        Engine.prototype,
        'onBatchCreated',
        (original) =>
          function onBatchCreated(this: Engine, batch) {
            pools.set(batch, this.pool)
            original.call(this, batch)
          },
      )
      patches.method(
        Delivery.prototype,
        'fail',
        (original) =>
          function fail(this: Delivery, batch, error) {
            original.call(this, batch, error)
            if (batch.attempts > 0) pools.get(batch)?.release(batch.buffer)
          },
      )
    },
  ),
  'gate-stays-open': inMethod(
    'a new leader or producer id, or a topic made again, gets several first batches',
    PartitionQueue,
    'closeGate',
    () => () => {},
  ),
  'doubt-forgotten': mutation(
    'what a broker with a gap in its memory answers counts as proof',
    (patches) =>
      patches.method(
        Delivery.prototype,
        'fail',
        (original) =>
          function fail(this: Delivery, batch, error) {
            const wasProved = !batch.maybeWritten && !batch.queue.inFlight.includes(batch)
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
            if (written.has(this) && this.compressed === null) return
            written.add(this)
            original.call(this, isTransactional)
          },
      )
    },
  ),
  'deadline-ignored': inMethod(
    'a batch has all the time in the world',
    Engine,
    'onBatchCreated',
    (original) =>
      function onBatchCreated(this: Engine, batch) {
        batch.deadline = Number.POSITIVE_INFINITY
        original.call(this, batch)
      },
  ),
  'flush-returns-early': inMethod(
    'flush is over at once',
    FlushGenerations,
    'endGeneration',
    () => (done) => done(),
  ),
  'piece-not-counted': inMethod(
    'the second half of a split batch is nobody’s',
    Engine,
    'onPiece',
    () => () => {},
  ),
  'memory-unbounded': inGetter('there is always room', Accumulator, 'hasRoom', () => () => true),
  'memory-leaked': inMethod(
    'settled batches give back half of what they took',
    Accumulator,
    'giveBack',
    (original) =>
      function giveBack(this: Accumulator, cost) {
        original.call(this, Math.floor(cost / 2))
      },
  ),
  'room-not-told': inMethod(
    'whoever waits for room is not told of it',
    Engine,
    'step',
    (original) =>
      function step(this: Engine) {
        Object.assign(this.host, { onRoom: () => {} })
        return original.call(this)
      },
  ),
  'line-stands-still': inMethod(
    'nobody who waits for room is let in',
    Accumulator,
    'letIn',
    () => () => {},
  ),
  'line-overtaken': inGetter(
    'a send passes those that wait for room',
    Accumulator,
    'hasRoom',
    () =>
      function hasRoom(this: Accumulator) {
        return this.usedBytes < 24_576 && this.waitingBytes < 40_000
      },
  ),
  'destroy-forgets-waiting': inMethod(
    'who waits is not told that the producer is gone',
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
