// A terminal that remembers what was written and is interrupted by the test.

import { EventEmitter, once } from 'node:events'
import { PassThrough, Writable } from 'node:stream'
import type { Interrupt, Terminal } from '../../src/runtime/terminal.ts'

export class FakeTerminal implements Terminal {
  readonly interactive: boolean
  /** What the command reads: the test writes to it and ends it. */
  readonly input = new PassThrough()
  inputFile: number | null = null
  inputIsTyped = false
  readonly environment: Record<string, string> = {}
  readonly output: Writable
  readonly errors: Writable
  outputText = ''
  errorText = ''
  readonly #events = new EventEmitter()

  constructor(interactive = false) {
    this.interactive = interactive
    this.output = this.#stream((text) => {
      this.outputText += text
    })
    this.errors = this.#stream((text) => {
      this.errorText += text
    })
  }

  #stream(keep: (text: string) => void): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        keep(String(chunk))
        this.#events.emit('written')
        done()
      },
    })
  }

  onInterrupt(listener: (interrupt: Interrupt) => void, again?: () => void): () => void {
    let count = 0
    const onSignal = (interrupt: Interrupt): void => {
      count++
      if (count === 1) listener(interrupt)
      else if (count === 2) again?.()
    }
    this.#events.on('interrupt', onSignal)
    return () => this.#events.off('interrupt', onSignal)
  }

  interrupt(interrupt: Interrupt = 'SIGINT'): void {
    this.#events.emit('interrupt', interrupt)
  }

  onHangup(listener: () => void): () => void {
    this.#events.on('hangup', listener)
    return () => this.#events.off('hangup', listener)
  }

  hangUp(): void {
    this.#events.emit('hangup')
  }

  get isHeard(): boolean {
    return this.#events.listenerCount('interrupt') > 0
  }

  /** Resolves once the output holds the words, or something that matches. */
  untilOutput(pattern: string | RegExp): Promise<void> {
    return this.#until(() => holds(this.outputText, pattern))
  }

  /** The same of the error stream. */
  untilErrors(pattern: string | RegExp): Promise<void> {
    return this.#until(() => holds(this.errorText, pattern))
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere()) await once(this.#events, 'written')
  }
}

const holds = (text: string, pattern: string | RegExp): boolean =>
  typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text)
