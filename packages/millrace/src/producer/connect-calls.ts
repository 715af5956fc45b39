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

interface ConnectCall {
  readonly isOneRound: boolean
  readonly resolve: () => void
  readonly reject: (error: KafkaError) => void
}

export class ConnectCalls {
  readonly #parts: ConnectCallsParts
  readonly #waiting = new Set<ConnectCall>()
  /** A round serves all waiting calls. */
  #isTrying = false

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
        const call = { isOneRound, resolve, reject }
        this.#waiting.add(call)
        onWaiting()
        this.#try()
        return () => this.#waiting.delete(call)
      }),
    )
  }

  /** The cluster client controls the pace: the next round starts after its backoff. */
  #try(): void {
    if (this.#isTrying) return
    this.#isTrying = true
    this.#parts.cluster.connect((error) => {
      this.#isTrying = false
      for (const call of this.#waiting) this.#onRound(call, error)
      if (this.#waiting.size > 0) this.#try()
    })
  }

  #onRound(call: ConnectCall, error: KafkaError | null): void {
    if (error !== null && !call.isOneRound && !isRefusal(error)) return
    this.#waiting.delete(call)
    if (error === null) call.resolve()
    else call.reject(error)
  }

  /** The producer is closed. */
  close(): void {
    const error = new KafkaError('CLOSED', 'connect: the producer was closed')
    for (const { reject } of this.#waiting) reject(error)
    this.#waiting.clear()
  }
}
