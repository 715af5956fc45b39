// For programs that must be able to end although a producer is open (`keepProcessAlive: false`): a
// clock whose timers, and a transport whose sockets, keep no process alive.

import type { Clock } from './clock.ts'
import type { Transport } from './transport.ts'

export const unrefClock = (clock: Clock): Clock => ({
  now: () => clock.now(),
  wallTime: () => clock.wallTime(),
  setTimer: (delayMs, callback) => {
    const timer = clock.setTimer(delayMs, callback)
    timer.unref?.()
    return timer
  },
  setImmediate: (callback) => clock.setImmediate(callback),
})

export const unrefTransport = (transport: Transport): Transport => ({
  connect: (address, handler) => {
    const stream = transport.connect(address, handler)
    stream.setKeepsProcessAlive(false)
    return stream
  },
  resolve: (host) => transport.resolve(host),
})
