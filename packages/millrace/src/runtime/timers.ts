// Node's own timers, as they are apart from any fake ones: the only file that takes timer functions
// from Node. Jest, vitest and sinon replace the global functions (vitest and sinon those of
// `node:timers` too) while a test uses fake timers. A connection to a broker runs in real time all
// the same, so the functions are taken once, when this module is loaded, from Node's modules and
// not from the globals of a test's context. Date is not among them: the time of a record is the
// fake time, where a test sets one.

type Fake = ((...args: never[]) => unknown) & { clock?: Readonly<Record<string, unknown>> }

/** What stood there before fake timers were installed, which keep it; the function itself else. */
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

// `getBuiltinModule` gives Node's modules themselves, where Jest has a registry of its own.
const timers = process.getBuiltinModule('node:timers')
const { performance } = process.getBuiltinModule('node:perf_hooks')

export const setTimeout = original('setTimeout', timers.setTimeout)
export const clearTimeout = original('clearTimeout', timers.clearTimeout)
export const setImmediate = original('setImmediate', timers.setImmediate)
export const nextTick = original('nextTick', process.getBuiltinModule('node:process').nextTick)

/** Monotonic milliseconds. */
export const monotonicMs: () => number = performance.now.bind(performance)

/** Runs `callback` before the next event, as the global function does that tests may replace. */
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
