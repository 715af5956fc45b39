// The memory of this process after a forced collection. Callers: the tests of memory that run in
// the process they measure.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of the heap and of buffers. */
export const memoryUsed = async (): Promise<number> => {
  // The memory of buffers is given back by another thread, after the collection.
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise(setImmediate)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
