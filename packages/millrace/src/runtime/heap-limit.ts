// How large the JavaScript heap of this process may become, in bytes: what bounds by default that
// grow with a burst of calls are made from.

import { nodeHeap } from './lazy-builtins.ts'

export const heapLimitBytes = (): number => nodeHeap().getHeapStatistics().heap_size_limit
