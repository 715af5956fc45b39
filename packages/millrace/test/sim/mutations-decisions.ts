// Mutations of decisions: shares of the buffer, where records without a key go, what purge fails,
// options of topics, and responses that can't be read.

import { Cluster } from '../../src/cluster-client/cluster-client.ts'
import { MemoryBudget } from '../../src/engine/batch/memory-budget.ts'
import { Accumulator } from '../../src/engine/buffer/accumulator.ts'
import { FairShares } from '../../src/engine/buffer/fair-shares.ts'
import { PartitionWaitQueues } from '../../src/engine/buffer/partition-wait-queues.ts'
import { TopicDirectory } from '../../src/engine/buffer/topic-directory.ts'
import { BatchFailures } from '../../src/engine/delivery/batch-failures.ts'
import { BrokerSilence } from '../../src/engine/dispatch/broker-silence.ts'
import { PartitionQueue } from '../../src/engine/dispatch/partition-queue.ts'
import { ProduceInFlight } from '../../src/engine/dispatch/produce-in-flight.ts'
import { Topic } from '../../src/engine/dispatch/topic.ts'
import { Engine } from '../../src/engine/engine.ts'
import { inGetter, inMethod, type Mutation, mutation } from './mutation.ts'

const isOfPurge = (error: Error): boolean => error.message.includes('was purged')

export const decisionMutations: Readonly<Record<string, Mutation>> = {
  'share-unbounded': inMethod(
    'a broker that takes nothing may hold the whole buffer',
    FairShares,
    'isAboveShare',
    () => () => false,
  ),
  'stalled-bytes-in-window': inMethod(
    'what a silent broker holds leaves less for the others',
    MemoryBudget,
    'setStalled',
    () => () => {},
  ),
  'share-not-reviewed': inMethod(
    'no broker that takes nothing is looked for',
    FairShares,
    'review',
    () => () => {},
  ),
  'partition-wait-queue-stands-still': inMethod(
    'records that wait for a partition are not admitted',
    PartitionWaitQueues,
    'step',
    () => () => {},
  ),
  'partition-wait-queue-overtaken': inMethod(
    'a record passes those that wait for its partition',
    PartitionWaitQueues,
    'refuses',
    (original) =>
      function refuses(this: PartitionWaitQueues, queue) {
        return original.call(this, queue) && !queue.hasWaitQueue
      },
  ),
  'silence-unnoticed': inGetter(
    'a broker that hangs counts as available',
    BrokerSilence,
    'isAvailable',
    () => () => true,
  ),
  'silent-forever': mutation('a broker that hung once is avoided forever', (patches) => {
    const silent = new WeakSet<BrokerSilence>()
    patches.getter(
      BrokerSilence.prototype,
      'isAvailable',
      (original) =>
        function isAvailable(this: BrokerSilence) {
          if (!original.call(this)) silent.add(this)
          return !silent.has(this)
        },
    )
  }),
  'load-ignored': inGetter(
    'all partitions count as equally loaded',
    PartitionQueue,
    'bytes',
    () => () => 0,
  ),
  'load-preferred': inGetter(
    'of two partitions the one with more to deliver is chosen',
    PartitionQueue,
    'bytes',
    (original) =>
      function bytes(this: PartitionQueue) {
        return -original.call(this)
      },
  ),
  'rack-ignored': inMethod('no broker is near', Cluster, 'rackOf', () => () => null),
  'purge-leaves-waiting': inMethod(
    'purge does not fail records that wait for space, a topic or a partition',
    Accumulator,
    'purgeWaiting',
    () => () => 0,
  ),
  'purge-leaves-batches': inMethod(
    'purge counts batches, and does not fail them',
    BatchFailures,
    'fail',
    (original) =>
      function fail(this: BatchFailures, batch, error) {
        if (!isOfPurge(error)) original.call(this, batch, error)
      },
  ),
  'purge-everything': inMethod(
    'purge fails records of all topics',
    Engine,
    'purge',
    (original) =>
      function purge(this: Engine) {
        return original.call(this, {})
      },
  ),
  'topic-codec-ignored': inMethod(
    'no batch is compressed',
    Topic,
    'compressionFor',
    () => () => null,
  ),
  'topic-batch-size-ignored': inGetter(
    'batches of a topic are as large as the default',
    Topic,
    'batchBytes',
    () => () => 16_384,
  ),
  'topic-partitioner-ignored': inMethod(
    'all topics have the partitioner of the first',
    TopicDirectory,
    'get',
    (original) =>
      function get(this: TopicDirectory, name) {
        const topic = original.call(this, name)
        const [first] = this.all()
        return Object.assign(topic, { partitioner: first!.partitioner })
      },
  ),
  'topic-linger-ignored': inMethod(
    'no topic lingers',
    TopicDirectory,
    'get',
    (original) =>
      function get(this: TopicDirectory, name) {
        const state = original.call(this, name)
        Object.assign(state.topic, { lingerMs: 0 })
        return state
      },
  ),
  'malformed-taken-for-unwritten': inMethod(
    'a request with a response that cannot be read counts as never written',
    ProduceInFlight,
    'onFailure',
    (original) =>
      function onFailure(this: ProduceInFlight, error, written) {
        original.call(this, error, written && error.code !== 'MALFORMED_RESPONSE')
      },
  ),
}
