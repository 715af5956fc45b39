// Owns the steps between the connected stream and a ready connection: which step runs, and since
// when. Each step has a name for errors and for diagnose(). Callers: Connection; Authentication
// uses the channel again for a re-authentication. Invariant: the steps run one after the other, and
// none runs after stop().

import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { RawRequest } from './connection-contract.ts'

/** What a step may do with the connection. */
export interface HandshakeChannel {
  /** The broker's name in messages. */
  readonly name: string
  send(request: RawRequest): void
  /** The broker sent a throttle time; it applies once the connection is ready. */
  throttle(throttleTimeMs: number): void
  /** The handshake failed: closes the connection. */
  fail(error: KafkaError): void
}

export interface HandshakeStep {
  readonly name: ConnectStep
  /** What the step does, for errors: `requesting its API versions`. */
  readonly title: string
  /**
   * Calls `done` or `channel.fail` once, in a later turn; neither if the connection closes before.
   */
  start(channel: HandshakeChannel, done: () => void): void
}

export interface HandshakeEvents {
  onStep(step: ConnectStep): void
  onDone(): void
}

/** The steps of the stream itself, before the first byte is sent. */
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

  /** The current or last step. */
  get step(): ConnectStep {
    return this.#name
  }

  get title(): string {
    return this.#title
  }

  /** True if the stream uses TLS or the TLS handshake is in progress. */
  get isSecure(): boolean {
    return this.#isSecure
  }

  /** The TLS handshake of the stream began. */
  onSecuring(): void {
    this.#isSecure = true
    this.#enter('tls', streamTitles.tls)
  }

  /** The stream is connected: runs the steps. */
  run(channel: HandshakeChannel): void {
    this.#start(0, channel)
  }

  /** The connection is closed: later results of a step are ignored. */
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
