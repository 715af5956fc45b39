// The workloads of `npm run bench`, by the names that the figures in the README go by. `lingerMs`
// and the idempotence of W1 are for all; ours ignores the linger and leaves its other options
// alone.

const kib = 1024

/**
 * `longRecords` = how many `--long` sends. In the short form a good part of the time is before V8
 * has compiled the code; the long form shows the steady state.
 */
export const workloads = {
  W1: {
    title: 'throughput, 100 B, not idempotent',
    mode: 'throughput',
    records: 1_000_000,
    longRecords: 6_000_000,
    lingerMs: 5,
    idempotent: false,
  },
  W2: {
    title: 'throughput, 100 B',
    mode: 'throughput',
    records: 1_000_000,
    longRecords: 6_000_000,
    lingerMs: 5,
  },
  W3: {
    title: 'throughput, 1 KiB, lz4',
    mode: 'throughput',
    records: 300_000,
    lingerMs: 5,
    valueBytes: kib,
    compression: 'lz4',
  },
  W3z: {
    title: 'throughput, 1 KiB, zstd',
    mode: 'throughput',
    records: 300_000,
    lingerMs: 5,
    valueBytes: kib,
    compression: 'zstd',
  },
  W4: {
    title: 'latency, 2,000 records/s for 15 s',
    mode: 'latency',
    records: 30_000,
    warmup: 500,
    recordsPerSecond: 2000,
  },
  W5: { title: 'one awaited send after the other', mode: 'sync', records: 5000, warmup: 500 },
  W6: {
    title: '1,000 awaited sends at a time, linger 5 ms',
    mode: 'concurrent',
    records: 100_000,
    longRecords: 1_000_000,
    lingerMs: 5,
  },
  W6z: {
    title: '1,000 awaited sends at a time',
    mode: 'concurrent',
    records: 100_000,
    longRecords: 1_000_000,
  },
  W7: {
    title: 'sends not awaited',
    mode: 'flood',
    records: 1_000_000,
    longRecords: 6_000_000,
    lingerMs: 5,
  },
}

/** What every workload has unless it says otherwise. */
export const defaults = {
  lingerMs: 0,
  idempotent: true,
  valueBytes: 100,
  warmup: 1000,
  compression: 'none',
  recordsPerSecond: 2000,
}

/** A short run that shows whether everything works; its figures are rough. */
export const quick = { names: ['W2', 'W5', 'W6z'], share: 0.2 }
