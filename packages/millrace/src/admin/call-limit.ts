// A call that its caller may stop waiting for: by a signal, or by a time limit. What was asked for
// may happen all the same.

import { checkWaitOptions, type WaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'

/** `what` begins the message: `'createTopic'` gives "createTopic: not done within 50 ms". */
export const limited = async <Value>(
  what: string,
  options: WaitOptions | undefined,
  timeoutMsDefault: number,
  clock: Clock,
  call: () => Promise<Value>,
): Promise<Value> => {
  checkWaitOptions(options)
  const { signal, timeoutMs = timeoutMsDefault } = options ?? {}
  const aborted = (): KafkaError =>
    new KafkaError('ABORTED', `${what}: aborted by its signal`, {
      persisted: 'maybe',
      cause: signal?.reason,
    })
  if (signal?.aborted) throw aborted()
  let stop = (): void => {}
  const givenUp = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(aborted())
    signal?.addEventListener('abort', onAbort, { once: true })
    const timer = clock.setTimer(timeoutMs, () => {
      const message = `${what}: not done within ${timeoutMs} ms`
      reject(new KafkaError('REQUEST_TIMEOUT', message, { persisted: 'maybe' }))
    })
    stop = () => {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
  })
  try {
    return await Promise.race([call(), givenUp])
  } finally {
    stop()
  }
}
