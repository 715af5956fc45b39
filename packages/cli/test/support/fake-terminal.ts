// A terminal that remembers what was written and is interrupted by the test.

import { EventEmitter, once } from 'node:events'
import { Writable } from 'node:stream'
import type { Interrupt, Terminal } from '../../src/runtime/terminal.ts'

export class FakeTerminal implements Terminal {
  readonly interactive: boolean
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

  onInterrupt(listener: (interrupt: Interrupt) => void): () => void {
    this.#events.once('interrupt', listener)
    return () => this.#events.off('interrupt', listener)
  }

  interrupt(): void {
    this.#events.emit('interrupt', 'SIGINT')
  }

  get isHeard(): boolean {
    return this.#events.listenerCount('interrupt') > 0
  }

  /** Resolves once the output holds the words, or something that matches. */
  async untilOutput(words: string | RegExp): Promise<void> {
    const isThere = () =>
      typeof words === 'string' ? this.outputText.includes(words) : words.test(this.outputText)
    while (!isThere()) await once(this.#events, 'written')
  }
}
