// Observes the engine: the responses to Produce requests, for the trace, and what it learns of
// topics, of which the newest leader epoch may never go back.

import { ProduceInFlight } from '../../src/engine/dispatch/produce-in-flight.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { Patches } from './patch.ts'

export interface EngineWatch {
  trace(text: string): void
  onOddity(text: string): void
  /** A step has ended. */
  onStep?(engine: Engine): void
}

export const observeEngine = (patches: Patches, watch: EngineWatch): void => {
  patches.method(
    ProduceInFlight.prototype,
    'onResponse',
    (original) =>
      function onResponse(this: ProduceInFlight, response) {
        const responses = (response?.responses ?? []).flatMap(({ partitionResponses }) =>
          partitionResponses.map(
            ({ index, errorCode, baseOffset: at }) =>
              `partition ${index} ${errorCode === 0 ? `offset ${at}` : `error ${errorCode}`}`,
          ),
        )
        watch.trace(`response ${this.link.name}: ${responses.join('; ') || 'none, acks 0'}`)
        original.call(this, response)
      },
  )
  patches.method(
    ProduceInFlight.prototype,
    'onFailure',
    (original) =>
      function onFailure(this: ProduceInFlight, error, written) {
        watch.trace(`failure  ${this.link.name}: ${error.code}, ${written ? '' : 'not '}written`)
        original.call(this, error, written)
      },
  )
  patches.method(
    Engine.prototype,
    'step',
    (original) =>
      function step(this: Engine) {
        const next = original.call(this)
        watch.onStep?.(this)
        return next
      },
  )
  const epochs = new Map<string, number>()
  patches.method(
    Engine.prototype,
    'onTopic',
    (original) =>
      function onTopic(this: Engine, view) {
        const leaders = view.partitions.map(
          ({ leaderId, leaderEpoch }) => `${leaderId}@${leaderEpoch}`,
        )
        watch.trace(`topic    ${view.name}: ${leaders.join(' ')}`)
        for (const [index, { leaderEpoch }] of view.partitions.entries()) {
          const key = `${Buffer.from(view.topicId).toString('hex')} ${view.name}-${index}`
          const known = epochs.get(key) ?? -1
          if (leaderEpoch < known && view.topicId.some((byte) => byte !== 0)) {
            watch.onOddity(`${view.name}-${index}: leader epoch ${known} → ${leaderEpoch}`)
          }
          epochs.set(key, leaderEpoch)
        }
        original.call(this, view)
      },
  )
}
