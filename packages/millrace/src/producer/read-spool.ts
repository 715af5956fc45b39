// Owns the public functions that read a spool's directory. Callers: programs and the command line.
// The code of the spool is loaded at the first call. Invariant: they change nothing and take no
// lock.

import type { ReadSpoolOptions, SpooledRecordView, SpoolInspection } from './spool-views.ts'

/**
 * The content of a spool's directory, and the damage in its files. It changes nothing and takes no
 * lock: it may be called while a producer uses the directory. Rejects with SPOOL_FAILED if the
 * directory cannot be read.
 *
 * @example
 * const { records, damage } = await inspectSpool('./spool')
 */
export const inspectSpool = async (directory: string): Promise<SpoolInspection> => {
  const { inspect } = await import('./spooling/spool-inspection.ts')
  return inspect(directory)
}

/**
 * The unsettled records in a spool's directory, oldest first, as far as they can be read. Bytes are
 * valid until the next record is requested.
 *
 * @example
 * for await (const { topic, value } of readSpool('./spool')) console.log(topic, value?.length)
 */
export async function* readSpool(
  directory: string,
  options: ReadSpoolOptions = {},
): AsyncGenerator<SpooledRecordView> {
  const { read } = await import('./spooling/spool-inspection.ts')
  yield* read(directory, options)
}
