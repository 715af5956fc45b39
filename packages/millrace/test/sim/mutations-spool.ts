// Mutations of the spool: of its log, its recovery, and of what the producer does with it.

import { BatchProgress } from '../../src/engine/batch/batch-progress.ts'
import { Engine } from '../../src/engine/engine.ts'
import { TopicTarget } from '../../src/producer/dead-letters/topic-target.ts'
import { RecoveredBatches } from '../../src/producer/spooling/recovered-batches.ts'
import { SpoolFeeder } from '../../src/producer/spooling/spool-feeder.ts'
import { Spooling } from '../../src/producer/spooling/spooling.ts'
import { LogWriter } from '../../src/spool/log-writer.ts'
import { RecordStates } from '../../src/spool/record-states.ts'
import { Recovery } from '../../src/spool/recovery.ts'
import { Spool } from '../../src/spool/spool.ts'
import { inGetter, inMethod, type Mutation, mutation } from './mutation.ts'

export const spoolMutations: Readonly<Record<string, Mutation>> = {
  'spool-taken-before-written': inMethod(
    'a record is reported as taken before it is written',
    LogWriter,
    'whenWritten',
    () =>
      function whenWritten(this: LogWriter, callback) {
        Promise.resolve().then(() => callback(null))
      },
  ),
  'spool-not-synced': mutation('with durability machine nothing is forced to the disk', (patches) =>
    patches.method(
      Spool,
      'open',
      (original) => (settings, environment, events) =>
        original.call(Spool, { ...settings, durability: 'process' }, environment, events),
    ),
  ),
  'spool-sent-before-numbered': inMethod(
    'a request leaves before the numbers of its batches are written',
    Spooling,
    'send',
    (original) =>
      function send(this: Spooling, request) {
        const { link } = request
        original.call(this, Object.create(request, { link: { value: { produce() {} } } }))
        link.produce(request)
      },
  ),
  'spool-numbers-not-written': inMethod(
    'a batch is sent although its numbers are not in the log',
    Spooling,
    'send',
    () =>
      function send(this: Spooling, request) {
        request.link.produce(request)
      },
  ),
  'spool-settled-when-sent': inMethod(
    'a batch counts as settled as soon as it is sent',
    Spool,
    'number',
    (original) =>
      function number(this: Spool, batch) {
        const batchId = original.call(this, batch)
        this.settle(batchId, batch.recordIds)
        return batchId
      },
  ),
  'spool-settled-not-written': inMethod(
    'that a batch was acknowledged is not in the log',
    Spool,
    'settle',
    () =>
      function settle(this: Spool, _batchId, _recordIds, onDurable) {
        onDurable?.()
      },
  ),
  'spool-batches-forgotten': inMethod(
    'batches of an earlier process are sent under new numbers',
    Recovery,
    'read',
    (original) =>
      async function read(this: Recovery) {
        return { ...(await original.call(this)), unfinished: [] }
      },
  ),
  'spool-old-numbers-dropped': inMethod(
    'a batch that was made again gets another number',
    BatchProgress,
    'restoreAttempt',
    () => function restoreAttempt(this: BatchProgress) {},
  ),
  'spool-recovered-batches-overtaken': inGetter(
    'records overtake the batches of an earlier process',
    RecoveredBatches,
    'isDone',
    () =>
      function isDone(this: RecoveredBatches) {
        return true
      },
  ),
  'spool-segment-removed-early': inMethod(
    'a segment is removed although records in it are not settled',
    RecordStates,
    'takeSettledSegment',
    () =>
      function takeSettledSegment(this: RecordStates) {
        for (let id = this.firstUnsettled; id < this.nextId; id++) {
          if (this.segmentOf(id) !== this.segmentOf(this.nextId - 1)) this.settle(id)
          else break
        }
        return null
      },
  ),
  'spool-record-passed-over': inMethod(
    'a record of the backlog is skipped',
    Spool,
    'isSettled',
    (original) =>
      function isSettled(this: Spool, recordId) {
        return recordId % 13 === 5 || original.call(this, recordId)
      },
  ),
  'spool-record-given-twice': inMethod(
    'a record goes to the engine a second time',
    Engine,
    'appendSpooled',
    (original) =>
      function appendSpooled(this: Engine, encoder, settle, recordId) {
        if (recordId % 11 === 3) original.call(this, encoder, settle, recordId)
        return original.call(this, encoder, settle, recordId)
      },
  ),
  'spool-settled-records-sent': inMethod(
    'settled records of an earlier process are sent again',
    RecordStates,
    'isSettled',
    () =>
      function isSettled(this: RecordStates) {
        return false
      },
  ),
  'spool-backlog-overtaken': inGetter(
    'new records overtake those that wait on disk',
    SpoolFeeder,
    'isCaughtUp',
    () =>
      function isCaughtUp(this: SpoolFeeder) {
        return true
      },
  ),
  'spool-refused-records-stay': inMethod(
    'a record that failed permanently stays in the spool',
    Spool,
    'drop',
    () => function drop(this: Spool) {},
  ),
  'spool-dropped-at-close': inMethod(
    'records that close() leaves on disk are dropped from it',
    Spooling,
    'leave',
    () => function leave(this: Spooling) {},
  ),
  'spool-copied-without-numbers': inMethod(
    'records of unknown outcome are copied to the end of the log without numbers',
    Spooling,
    'batchesOf',
    () =>
      function batchesOf(this: Spooling) {
        return []
      },
  ),
  'spool-copies-not-counted': inMethod(
    'a file is removed although it has copies of records that are not settled',
    RecordStates,
    'moveTo',
    () =>
      function moveTo(this: RecordStates, _segment, id) {
        this.settle(id)
      },
  ),
  'spool-copies-passed-over': inMethod(
    'copied records of an earlier process are not given to the engine',
    Recovery,
    'read',
    (original) =>
      async function read(this: Recovery) {
        return { ...(await original.call(this)), copies: [] }
      },
  ),
  'dead-letter-headers-wrong': inMethod(
    'the headers of a dead letter name another partition',
    TopicTarget,
    'store',
    (original) =>
      function store(this: TopicTarget, record, letter) {
        original.call(this, { ...record, partition: record.partition + 1 }, letter)
      },
  ),
  'dead-letter-sent-twice': inMethod(
    'a dead letter is sent twice',
    TopicTarget,
    'store',
    (original) =>
      function store(this: TopicTarget, record, letter) {
        original.call(this, record, letter)
        original.call(this, record, letter)
      },
  ),
  'dead-letter-loop': inMethod(
    'a dead letter that fails is a dead letter again',
    TopicTarget,
    'isTarget',
    () =>
      function isTarget(this: TopicTarget) {
        return false
      },
  ),
  'dead-letter-lost': inMethod(
    'a record counts as dead-lettered although nothing was stored',
    TopicTarget,
    'store',
    () =>
      function store(this: TopicTarget, _record, letter) {
        letter.end(null)
      },
  ),
  'spool-flushed-early': inMethod(
    'flush() does not wait for records that are on disk only',
    SpoolFeeder,
    'whenGiven',
    () =>
      function whenGiven(this: SpoolFeeder, _recordId, done) {
        done()
      },
  ),
}
