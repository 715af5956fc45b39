// Owns Node's real timer functions: only this file reads them from Node. Callers: clock.ts, the
// transports, the codecs. Jest, vitest and sinon replace the global functions (vitest and sinon
// also those of `node:timers`) while a test uses fake timers. Invariant: connections always run in
// real time, so the functions are read once, when this module is loaded, from Node's modules and
// not from the globals of a test. Date is not included: the timestamp of a record is the fake time
// if a test sets one.

type Fake = ((...args: never[]) => unknown) & { clock?: Readonly<Record<string, unknown>> }

/** The original function if fake timers replaced it and keep it; otherwise the function itself. */
const original = <Value>(name: string, value: Value): Value => {
  let found: unknown = value
  for (let depth = 0; depth < 5; depth++) {
    const replaced = (found as Fake | undefined)?.clock?.[`_${name}`]
    if (typeof replaced !== 'function') break
    found = replaced
  }
  return found as Value
}

const isFake = (value: unknown): boolean =>
  typeof value === 'function' && ('clock' in value || '_isMockFunction' in value)

// `getBuiltinModule` returns Node's own modules, although Jest has a separate module registry.
const timers = process.getBuiltinModule('node:timers')
const { performance } = process.getBuiltinModule('node:perf_hooks')

export const setTimeout = original('setTimeout', timers.setTimeout)
export const clearTimeout = original('clearTimeout', timers.clearTimeout)
export const setImmediate = original('setImmediate', timers.setImmediate)
export const nextTick = original('nextTick', process.getBuiltinModule('node:process').nextTick)

/** Monotonic milliseconds. */
export const monotonicMs: () => number = performance.now.bind(performance)

/** Runs `callback` before the next event, like the global function, which tests may replace. */
export const queueMicrotask = (callback: () => void): void => {
  Promise.resolve().then(callback)
}

if ([setTimeout, setImmediate, nextTick].some(isFake)) {
  process.emitWarning(
    'millrace was loaded while fake timers were installed, and found no real ones: sends ' +
      'wait until the test advances its timers. Import millrace before you install fake timers.',
    { code: 'MILLRACE_FAKE_TIMERS' },
  )
}
