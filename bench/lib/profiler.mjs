// A CPU or allocation profile of a stretch of this process, by Node's inspector from within: what
// came before the stretch (imports, connecting, warm-up) is not in it. Called by the loads when a
// profile was requested; profile.mjs and scaling.mjs sum the files up.
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/** Microseconds between samples: a second gives enough of them, and they cost about 5 %. */
const cpuIntervalUs = 250
const heapIntervalBytes = 16 * 1024

/**
 * Starts a profile; `kind` is `cpu` or `heap`. Resolves with a function that ends it and writes it.
 */
export const startProfile = async (kind, path) => {
  const session = new Session()
  session.connect()
  if (kind === 'cpu') {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: cpuIntervalUs })
    await session.post('Profiler.start')
  } else {
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: heapIntervalBytes,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    })
  }
  return async () => {
    const end = kind === 'cpu' ? 'Profiler.stop' : 'HeapProfiler.stopSampling'
    const { profile } = await session.post(end)
    session.disconnect()
    writeFileSync(path, JSON.stringify(profile))
  }
}
