// Looks into a spool's directory from outside: for the command line and for programs of yours. The
// code of the spool is loaded at the first call.

import type { ReadSpoolOptions, SpooledRecordView, SpoolInspection } from './spool-views.ts'

/**
 * What is in a spool's directory, and whether its files are whole. It changes nothing and takes no
 * lock: it may be called while a producer has the directory. Rejects with SPOOL_FAILED if the
 * directory can't be read.
 *
 * @example
 * const { records, damage } = await inspectSpool('./spool')
 */
export const inspectSpool = async (directory: string): Promise<SpoolInspection> => {
  const { inspect } = await import('./spooling/spool-inspection.ts')
  return inspect(directory)
}

/**
 * The records in a spool's directory that are not settled, oldest first, as far as they can be
 * read. Bytes are valid until the next record is asked for.
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
