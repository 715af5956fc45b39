// One process of the simulator: its clock and its network, until it is killed. From then on none of
// its callbacks runs, and its connections break; what it had written may still arrive.

import type { Clock, Timer } from '../../src/runtime/clock.ts'
import type {
  ByteStream,
  ConnectAddress,
  StreamHandler,
  Transport,
} from '../../src/runtime/transport.ts'

export class KillableProcess {
  #isAlive = true
  readonly #streams = new Set<ByteStream>()
  readonly #timers = new Set<Timer>()
  readonly clock: Clock
  readonly transport: Transport

  constructor(clock: Clock, transport: Transport) {
    this.clock = this.#killableClock(clock)
    this.transport = {
      connect: (address, handler) => this.#connect(transport, address, handler),
      resolve: (host) => transport.resolve(host),
    }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  kill(): void {
    this.#isAlive = false
    for (const timer of this.#timers) timer.cancel()
    for (const stream of this.#streams) stream.destroy()
  }

  #killableClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      setImmediate: (callback) =>
        clock.setImmediate(() => {
          if (this.#isAlive) callback()
        }),
      setTimer: (delayMs, callback) => {
        if (!this.#isAlive) return { cancel() {} }
        const timer = clock.setTimer(delayMs, () => {
          this.#timers.delete(timer)
          if (this.#isAlive) callback()
        })
        this.#timers.add(timer)
        return {
          cancel: () => {
            this.#timers.delete(timer)
            timer.cancel()
          },
        }
      },
    }
  }

  #connect(transport: Transport, address: ConnectAddress, handler: StreamHandler): ByteStream {
    const ifAlive =
      <Values extends unknown[]>(call: (...values: Values) => void) =>
      (...values: Values): void => {
        if (this.#isAlive) call(...values)
      }
    const stream = transport.connect(address, {
      onConnect: ifAlive(() => handler.onConnect?.()),
      onData: ifAlive((bytes) => handler.onData(bytes)),
      onClose: (error) => {
        this.#streams.delete(stream)
        if (this.#isAlive) handler.onClose(error)
      },
    })
    this.#streams.add(stream)
    return stream
  }
}
