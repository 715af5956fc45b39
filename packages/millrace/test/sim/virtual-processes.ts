// Processes that run one after the other, or at once, as the spool's lock sees them.

import type { Processes, ProcessIdentity } from '../../src/runtime/process-identity.ts'

/** A process of its own for each opening; those that crashed have ended. */
export class VirtualProcesses {
  readonly #ended = new Set<string>()
  #next = 1
  bootId = 'boot-1'

  start(changes: Partial<ProcessIdentity> = {}): Processes & { end(): void } {
    const startTime = String(this.#next++)
    const identity: ProcessIdentity = {
      pid: 1,
      startTime,
      bootId: this.bootId,
      namespace: 'pid:[1]',
      host: 'test',
      ...changes,
    }
    return {
      self: identity,
      stateOf: (other) => {
        if (other.bootId !== identity.bootId || other.namespace !== identity.namespace) {
          return 'unknown'
        }
        return this.#ended.has(other.startTime) ? 'ended' : 'running'
      },
      end: () => this.#ended.add(identity.startTime),
    }
  }
}
