// Limits how long a caller waits for an admin call: by an AbortSignal or by a time limit. The
// request itself is not undone, so the change may happen anyway; the error must have `persisted:
// 'maybe'`. Caller: admin.ts.

import { unwatchAbort, watchAbort } from '../producer/abort-watch.ts'
import { checkWaitOptions, reasonOf, type WaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'

/**
 * `what` is the beginning of the message: `'createTopic'` makes "createTopic: not done within 50
 * ms".
 */
export const limited = async <Value>(
  what: string,
  options: WaitOptions | undefined,
  timeoutMsDefault: number,
  clock: Clock,
  call: () => Promise<Value>,
  lastTransientError: () => KafkaError | null = () => null,
): Promise<Value> => {
  checkWaitOptions(options)
  const { signal, timeoutMs = timeoutMsDefault } = options ?? {}
  const aborted = (): KafkaError =>
    new KafkaError('ABORTED', `${what}: aborted by its signal`, {
      persisted: 'maybe',
      cause: reasonOf(signal),
    })
  if (signal?.aborted) throw aborted()
  let stop = (): void => {}
  const abortedOrTimedOut = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(aborted())
    if (signal !== undefined) watchAbort(signal, onAbort)
    const timer = clock.setTimer(timeoutMs, () => {
      const cause = lastTransientError()
      const why = cause === null ? '' : `: ${cause.message}`
      const message = `${what}: not done within ${timeoutMs} ms${why}`
      const options = { persisted: 'maybe', ...(cause === null ? {} : { cause }) } as const
      reject(new KafkaError('TIMEOUT', message, options))
    })
    stop = () => {
      timer.cancel()
      if (signal !== undefined) unwatchAbort(signal, onAbort)
    }
  })
  try {
    return await Promise.race([call(), abortedOrTimedOut])
  } finally {
    stop()
  }
}
