// Owns the entry point of the spool's code, which is loaded when a producer with the option `spool`
// is created. Caller: ProducerSpool. Invariant: apart from types, no other file of producer/
// outside this folder imports the spool's code statically.

import type { Engine } from '../../engine/engine.ts'
import { nodeFileSystem } from '../../runtime/node-file-system.ts'
import { systemProcesses } from '../../runtime/process-identity.ts'
import type { SpoolEnvironment } from '../../spool/spool.ts'
import type { ResolvedSpool } from '../spool-option.ts'
import { Spooling } from './spooling.ts'
import type { SpoolEngine, SpoolingOptions } from './spooling-options.ts'

/** The system's files and processes. */
export const systemMachine = { files: nodeFileSystem, processes: systemProcesses }

type Rest = Pick<
  SpoolingOptions,
  'bufferMemoryBytes' | 'onCallbackError' | 'onUnobservedFailure' | 'deadLetters' | 'onFailed'
>

/** Opens the directory; rejects with SPOOL_LOCKED, SPOOL_DAMAGED or SPOOL_FAILED. */
export const openSpooling = (
  engine: Engine,
  { directory, maxBytes, durability, ...option }: ResolvedSpool,
  environment: SpoolEnvironment,
  rest: Rest,
): Promise<Spooling> =>
  Spooling.open(spoolEngine(engine), {
    settings: { directory, maxBytes, durability },
    environment,
    ...option,
    ...rest,
  })

const spoolEngine = (engine: Engine): SpoolEngine => ({
  maxRequestBytes: engine.settings.maxRequestBytes,
  intake: {
    append: (encoder, settle, recordId) => engine.appendSpooled(encoder, settle, recordId),
  },
  wake: () => engine.wake(),
  flush: (done) => engine.flush(done),
  offer: (queue) => engine.offer(queue),
  requestTopic: (topic) => engine.requestTopic(topic),
  restore: (batch, settleOf) => engine.restoreBatch(batch, settleOf),
  partitionCount: (topic) => engine.partitionsOf(topic)?.length ?? 0,
})
