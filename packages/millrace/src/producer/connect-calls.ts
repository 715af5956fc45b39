// The calls of connect() that wait for a first broker. A round in which no broker responds is tried
// again until the call's limit, except where a broker refuses the client: trying again does not
// change credentials, certificates or versions. Owner: Producer.

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

  /** Rounds are paced by the cluster client: the next one comes after its backoff. */
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
