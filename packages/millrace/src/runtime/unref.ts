// Owns the wrappers for `keepProcessAlive: false`: a clock and a transport that do not keep the
// process alive. Caller: producer/security.ts. Invariant: apart from that they behave like the
// wrapped clock and transport.

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
