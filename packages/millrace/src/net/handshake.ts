// What happens between a connected stream and a connection that is ready: steps, one after the
// other. It runs them and knows which one is under way and since when; each has a name, for errors
// and for diagnose(). The connection owns it; authentication also uses its
// channel later, when it is repeated on the live connection.

import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { RawRequest } from './connection-contract.ts'

/** What a step may do with the connection that is being made. */
export interface HandshakeChannel {
  /** For people and errors. */
  readonly name: string
  send(request: RawRequest): void
  /** The broker asks for silence, once the connection is ready. */
  throttle(throttleTimeMs: number): void
  /** The handshake failed: closes the connection. */
  fail(error: KafkaError): void
}

export interface HandshakeStep {
  readonly name: ConnectStep
  /** What the step does, for errors: `asking for the broker's versions`. */
  readonly title: string
  /**
   * Calls `done` or `channel.fail` in a later turn, once; neither when the connection closes
   * before.
   */
  start(channel: HandshakeChannel, done: () => void): void
}

export interface HandshakeEvents {
  onStep(step: ConnectStep): void
  onDone(): void
}

/** The steps before the first byte of ours: the stream's own. */
const streamTitles = { tcp: 'connecting', tls: 'agreeing on TLS' } as const

export class Handshake {
  readonly #steps: readonly HandshakeStep[]
  readonly #events: HandshakeEvents
  #name: ConnectStep = 'tcp'
  #title: string = streamTitles.tcp
  #isSecure = false
  #ended = false

  constructor(steps: readonly HandshakeStep[], events: HandshakeEvents) {
    this.#steps = steps
    this.#events = events
  }

  /** The step that is under way, or was last. */
  get step(): ConnectStep {
    return this.#name
  }

  get title(): string {
    return this.#title
  }

  /** The stream is under TLS, or on its way there. */
  get isSecure(): boolean {
    return this.#isSecure
  }

  /** The stream began to secure itself. */
  onSecuring(): void {
    this.#isSecure = true
    this.#enter('tls', streamTitles.tls)
  }

  /** The stream is there: runs the steps. */
  run(channel: HandshakeChannel): void {
    this.#start(0, channel)
  }

  /** The connection is closed: what a step still says is not heard. */
  stop(): void {
    this.#ended = true
  }

  #start(index: number, channel: HandshakeChannel): void {
    if (this.#ended) return
    const step = this.#steps[index]
    if (step === undefined) {
      this.stop()
      this.#events.onDone()
      return
    }
    this.#enter(step.name, step.title)
    step.start(channel, () => this.#start(index + 1, channel))
  }

  #enter(name: ConnectStep, title: string): void {
    this.#name = name
    this.#title = title
    this.#events.onStep(name)
  }
}
