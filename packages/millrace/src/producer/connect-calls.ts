// Owns the calls of connect() that wait for a broker. A round in which no broker responds is
// repeated until the call's time limit, unless a broker refuses the client, because a repetition
// does not change credentials, certificates or versions. Caller: Producer. Invariant: each call
// settles once.

import type { Cluster } from '../cluster-client/cluster-client.ts'
import { isRefusal, KafkaError } from '../protocol/kafka-error.ts'
import { guarded } from './caller.ts'
import { checkWaitOptions, type WaitClock, type WaitOptions, waitFor } from './wait.ts'

const timeoutMsDefault = 30_000

export interface ConnectCallsParts {
  readonly cluster: Cluster
  readonly waitClock: WaitClock
  /** Throws if the producer is not open. */
  checkOpen(): void
  /** A call waits from now on. */
  onWaiting(): void
}

export class ConnectCalls {
  readonly #parts: ConnectCallsParts
  /** Rejects each waiting call. */
  readonly #waiting = new Set<() => void>()

  constructor(parts: ConnectCallsParts) {
    this.#parts = parts
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0
  }

  connect(given: WaitOptions | undefined): Promise<void> {
    let options: WaitOptions | undefined
    try {
      options = checkWaitOptions(given)
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    const { timeoutMs = timeoutMsDefault } = options ?? {}
    const isOneRound = timeoutMs === 0
    const limited = { ...options, ...(isOneRound ? { timeoutMs: undefined } : { timeoutMs }) }
    const { waitClock, checkOpen, onWaiting } = this.#parts
    return guarded(
      waitFor<void>('connect', limited, waitClock, (resolve, reject) => {
        checkOpen()
        const onClose = (): void => {
          reject(new KafkaError('CLOSED', 'connect: the producer was closed'))
        }
        this.#waiting.add(onClose)
        onWaiting()
        this.#try(onClose, isOneRound, (error) => {
          this.#waiting.delete(onClose)
          if (error === null) resolve()
          else reject(error)
        })
        return () => this.#waiting.delete(onClose)
      }),
    )
  }

  /** The cluster client controls the pace: the next round starts after its backoff. */
  #try(call: () => void, isOneRound: boolean, done: (error: KafkaError | null) => void): void {
    this.#parts.cluster.connect((error) => {
      if (!this.#waiting.has(call)) return
      if (error === null || isOneRound || isRefusal(error)) done(error)
      else this.#try(call, isOneRound, done)
    })
  }

  /** The producer is closed. */
  close(): void {
    for (const onClose of this.#waiting) onClose()
    this.#waiting.clear()
  }
}
