// The original's fourteen defects, each put back into our own sender by a stand-in that has nothing
// else wrong with it. A check that passes on ours must fail on the stand-in, or it shows nothing.

import type { Message } from '../../src/layers/message.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { Timer } from '../../src/runtime/clock.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { layer1, type Make, type Setup, type Subject } from './subject.ts'

const withConfig = (setup: Setup, config: Partial<Setup['config']>): Setup => ({
  ...setup,
  config: { ...setup.config, ...config },
})

/** 1. The reader of results ends before the last batch has any. */
export const endsReaderFirst: Make = (setup) => {
  let isReading = true
  const { onSuccess, onError } = setup.config
  const inner = layer1(
    withConfig(setup, {
      onSuccess: (metadata, message) => isReading && onSuccess?.(metadata, message),
      onError: (error, message) => isReading && onError?.(error, message),
    }),
  )
  return {
    send: (message, options) => inner.send(message, options),
    sendBatch: (messages, options) => inner.sendBatch(messages, options),
    close: () => {
      isReading = false
      return inner.close()
    },
  }
}

/** A buffer in front of the sender, with a timer of its own: what 2 and 9 are made of. */
const buffered = (
  setup: Setup,
  inner: Subject,
  startsTimer: (length: number) => boolean,
): Subject => {
  const clock = setup.environment?.clock ?? systemClock
  const { batchSize, batchTimeoutMs } = setup.config
  let buffer: Message[] = []
  let timer: Timer | null = null
  const flush = async (): Promise<void> => {
    timer?.cancel()
    timer = null
    const messages = buffer
    buffer = []
    await inner.sendBatch(messages)
  }
  const sendBatch = async (messages: readonly Message[]): Promise<void> => {
    buffer.push(...messages)
    if (buffer.length >= batchSize) await flush()
    else if (startsTimer(buffer.length) && timer === null) {
      timer = clock.setTimer(batchTimeoutMs, () => void flush())
    }
  }
  return {
    send: (message) => sendBatch([message]),
    sendBatch,
    close: async () => {
      await flush()
      await inner.close()
    },
  }
}

/** 2. The timer starts only when the buffer holds exactly one message. */
export const startsTimerAtOne: Make = (setup) =>
  buffered(setup, layer1(withConfig(setup, { batchSize: 1 })), (length) => length === 1)

/** 3. Of the errors of a batch the last one is left. */
export const keepsLastError: Make = (setup) => {
  const inner = layer1(setup)
  return {
    send: (message, options) => inner.send(message, options),
    sendBatch: async (messages, options) => {
      let last: unknown = null
      for (const message of messages) {
        await inner.send(message, options).catch((error: unknown) => {
          last = error
        })
      }
      if (last !== null) throw last
    },
    close: () => inner.close(),
  }
}

/** 4. Close closes a queue that a send may be writing to. */
export const closesQueueUnderSends: Make = (setup) => {
  const inner = layer1(setup)
  let queue: Message[] | null = []
  const send = async (message: Message): Promise<void> => {
    await Promise.resolve()
    queue!.push(message)
    await inner.send(queue!.shift()!)
  }
  return {
    send,
    sendBatch: async (messages) => {
      for (const message of messages) await send(message)
    },
    close: () => {
      queue = null
      return inner.close()
    },
  }
}

/** 5. A second close crashes. */
export const crashesOnSecondClose: Make = (setup) => {
  const inner = layer1(setup)
  let isOpen = true
  return {
    send: (message, options) => inner.send(message, options),
    sendBatch: (messages, options) => inner.sendBatch(messages, options),
    close: async () => {
      if (!isOpen) throw new TypeError('close of closed channel')
      isOpen = false
      await inner.close()
    },
  }
}

/** 6. Signal and deadline are looked at before the send starts, and never again. */
export const looksAtDeadlineOnce: Make = (setup) => {
  const inner = layer1(setup)
  return {
    send: async (message, options) => {
      options?.signal?.throwIfAborted()
      return inner.send(message)
    },
    sendBatch: async (messages, options) => {
      options?.signal?.throwIfAborted()
      return inner.sendBatch(messages)
    },
    close: () => inner.close(),
  }
}

/** 7. The batch timer is polled every 10 ms. */
export const polls: Make = (setup) => {
  const inner = layer1(setup)
  const clock = setup.environment?.clock ?? systemClock
  let timer: Timer | null = null
  const poll = (): void => {
    timer = clock.setTimer(10, poll)
  }
  poll()
  return {
    send: (message, options) => inner.send(message, options),
    sendBatch: (messages, options) => inner.sendBatch(messages, options),
    close: () => {
      timer?.cancel()
      return inner.close()
    },
  }
}

/** 8. Only topic, key and value go in, and nothing comes back. */
export const tellsNothing: Make = (setup) => {
  const { onSuccess } = setup.config
  const nowhere = {
    topic: '',
    partition: -1,
    offset: -1,
    timestamp: -1,
    keyBytes: -1,
    valueBytes: -1,
  }
  const inner = layer1(
    withConfig(setup, { onSuccess: (_metadata, message) => onSuccess?.(nowhere, message) }),
  )
  const bare = ({ topic, key, value }: Message): Message => ({ topic, key, value })
  return {
    send: async (message) => {
      await inner.send(bare(message))
    },
    sendBatch: async (messages) => {
      await inner.sendBatch(messages.map(bare))
    },
    close: () => inner.close(),
  }
}

/** 9. A queue with the configured interval, and behind it a client with the same one. */
export const batchesTwice: Make = (setup) => buffered(setup, layer1(setup), () => true)

/** 10. No key is sent as an empty key. */
export const sendsEmptyKeys: Make = (setup) => {
  const inner = layer1(setup)
  const keyed = (message: Message): Message => ({ ...message, key: message.key ?? '' })
  return {
    send: (message, options) => inner.send(keyed(message), options),
    sendBatch: (messages, options) => inner.sendBatch(messages.map(keyed), options),
    close: () => inner.close(),
  }
}

/** 11. After close the sync mode still tries to send. */
export const sendsAfterClose: Make = (setup) => {
  const inner = layer1(setup)
  return {
    send: (message, options) => inner.send(message, options),
    sendBatch: (messages, options) => inner.sendBatch(messages, options),
    close: async () => (setup.config.async ? inner.close() : undefined),
  }
}

/** 12. The caller's objects are repaired in place. */
export const repairsInPlace: Make = (setup) => {
  const config = setup.config as { batchSize: number; batchTimeoutMs: number }
  if (config.batchSize <= 0) config.batchSize = 100
  if (config.batchTimeoutMs < 0) config.batchTimeoutMs = 5000
  Object.assign(setup.target, { acks: 'all' })
  return layer1(setup)
}

/**
 * 13. One reader waits for each callback before it takes the next result; sends wait for the
 * reader.
 */
export const waitsForCallbacks: Make = (setup) => {
  const channelSize = 4
  const { onSuccess, onError } = setup.config
  const channel: (() => unknown)[] = []
  let isReading = false
  let isDead = false
  const read = async (): Promise<void> => {
    if (isReading || isDead) return
    isReading = true
    try {
      for (let next = channel.shift(); next !== undefined; next = channel.shift()) await next()
    } catch {
      // In the original this is the end of the process.
      isDead = true
    }
    isReading = false
  }
  const put = (call: () => unknown): void => {
    channel.push(call)
    void read()
  }
  const inner = layer1(
    withConfig(setup, {
      onSuccess: (metadata, message) => put(() => onSuccess?.(metadata, message)),
      onError: (error, message) => put(() => onError?.(error, message)),
    }),
  )
  const send = async (message: Message): Promise<unknown> => {
    if (isDead || channel.length >= channelSize) return new Promise(() => {})
    return inner.send(message)
  }
  return {
    send,
    sendBatch: async (messages) => {
      for (const message of messages) await send(message)
    },
    close: () => inner.close(),
  }
}

/** 14. A buffer that takes everything, and hands over by count only. */
export const growsWithoutBound: Make = (setup) => {
  const inner = layer1(setup)
  const buffer: Message[] = []
  let isOpen = true
  const sendBatch = async (messages: readonly Message[]): Promise<void> => {
    if (!isOpen) throw new KafkaError('CLOSED', 'closed')
    buffer.push(...messages)
    if (buffer.length >= setup.config.batchSize) await inner.sendBatch(buffer.splice(0))
  }
  return {
    send: (message) => sendBatch([message]),
    sendBatch,
    close: async () => {
      isOpen = false
      await inner.sendBatch(buffer)
      await inner.close()
    },
  }
}
