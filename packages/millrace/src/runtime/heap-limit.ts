// Owns the limit of this process's JavaScript heap, in bytes. Callers: producer/options.ts and
// producer/serialization-order.ts, which derive default memory limits from it. Invariant: the value
// is read at each call, because it depends on Node's options.

import { nodeHeap } from './lazy-builtins.ts'

export const heapLimitBytes = (): number => nodeHeap().getHeapStatistics().heap_size_limit
