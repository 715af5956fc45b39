// Mutations of the cluster view, the connections and the producer.

import { Cluster } from '../../src/cluster-client/cluster-client.ts'
import { Metadata } from '../../src/cluster-client/metadata.ts'
import { MetadataCache } from '../../src/cluster-client/metadata-cache.ts'
import { ProducerIdRequest } from '../../src/cluster-client/producer-id.ts'
import { RecentNames } from '../../src/cluster-client/recent-names.ts'
import { Connection } from '../../src/net/connection.ts'
import { InFlightTable } from '../../src/net/in-flight-table.ts'
import { StallTolerantDeadline } from '../../src/net/stall-tolerant-deadline.ts'
import { WakeTimer } from '../../src/net/wake-timer.ts'
import { FailureReporter } from '../../src/producer/failure-reporter.ts'
import { inMethod, type Mutation, mutation } from './mutation.ts'

export const clusterMutations: Readonly<Record<string, Mutation>> = {
  'hint-used-forever': inMethod(
    'a leader hint counts as newer than it is',
    Cluster,
    'applyLeaderHint',
    (original) =>
      function applyLeaderHint(this: Cluster, hint) {
        original.call(this, { ...hint, leaderEpoch: 2 ** 30 })
      },
  ),
  'old-metadata-applied': inMethod(
    'a response older than what is known is taken',
    MetadataCache,
    'apply',
    (original) =>
      function apply(this: MetadataCache, name, response, knowsNode) {
        this.forgetEpochs()
        return original.call(this, name, response, knowsNode)
      },
  ),
  'refresh-forgotten': inMethod(
    'what proved stale is not requested again',
    Metadata,
    'refreshTopic',
    (original) =>
      function refreshTopic(this: Metadata, topic, why, partition) {
        if (why === 'unknown') original.call(this, topic, why, partition)
      },
  ),
  'no-metadata-backoff': mutation(
    'every call counts as new: requests follow at once',
    (patches) => {
      patches.method(RecentNames.prototype, 'has', () => () => false)
      patches.method(
        Metadata.prototype,
        'refreshTopic',
        (original) =>
          function refreshTopic(this: Metadata, topic, why, partition) {
            this.forgetTopic(topic)
            original.call(this, topic, why, partition)
          },
      )
    },
  ),
  'producer-id-call-lost': mutation('a second call for a producer id is ignored', (patches) => {
    const known = new WeakSet<ProducerIdRequest>()
    patches.method(
      ProducerIdRequest.prototype,
      'want',
      (original) =>
        function want(this: ProducerIdRequest, current) {
          if (known.has(this)) return
          known.add(this)
          original.call(this, current)
        },
    )
  }),
  'close-leaves-connections': inMethod(
    'close does not end the connections',
    Cluster,
    'close',
    () => () => {},
  ),
  'timer-leaked': inMethod(
    'a closed connection keeps its timer',
    WakeTimer,
    'stop',
    () => () => {},
  ),
  'request-timeout-ignored': inMethod(
    'nothing is ever overdue',
    StallTolerantDeadline,
    'check',
    () => () => {},
  ),
  'responses-mixed-up': inMethod(
    'a response is given to whatever request is next',
    InFlightTable,
    'settle',
    (original) =>
      function settle(this: InFlightTable<unknown>, correlationId) {
        if (correlationId % 5 === 4) this.drop()
        return original.call(this, this.awaited?.correlationId ?? correlationId)
      },
  ),
  'written-taken-for-unwritten': inMethod(
    'a lost request counts as never written',
    Connection,
    'requestRaw',
    (original) =>
      function requestRaw(this: Connection, request) {
        original.call(this, {
          ...request,
          onResponse: (body) => request.onResponse(body),
          onFailure: (error) => request.onFailure(error, false),
        })
      },
  ),
  'failure-swallowed': inMethod(
    'a failed send does not reach onError',
    FailureReporter,
    'report',
    () => () => {},
  ),
}
