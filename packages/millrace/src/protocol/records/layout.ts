// Owns the layout of record batch format v2 (magic 2), the only one that Kafka has written since
// 0.11: the positions of the header fields (big-endian), and the bits of the attributes. Callers:
// engine/, records/, the in-process cluster.
//
//   61 bytes of header | records, compressed as a whole where the attributes say so
//
// `batchLength` counts the bytes after itself. The CRC-32C covers everything from `attributes` on,
// so a broker can set base offset and leader epoch without computing it again. Invariant: all
// values are Kafka's.

/** Where each field of the header begins. */
export const batchOffsets = {
  /** int64 */
  baseOffset: 0,
  /** int32 */
  batchLength: 8,
  /** int32; `batchLength` counts from here. */
  partitionLeaderEpoch: 12,
  /** int8 */
  magic: 16,
  /** uint32, of everything from `attributes` on. */
  crc: 17,
  /** int16 */
  attributes: 21,
  /** int32 */
  lastOffsetDelta: 23,
  /** int64 */
  baseTimestamp: 27,
  /** int64 */
  maxTimestamp: 35,
  /** int64; -1 = not idempotent. */
  producerId: 43,
  /** int16; -1 = not idempotent. */
  producerEpoch: 51,
  /** int32; -1 = not idempotent. */
  baseSequence: 53,
  /** int32 */
  recordCount: 57,
} as const

/** Size of the header; the records begin here. */
export const batchHeaderBytes = 61

/** The version of the format. */
export const batchMagic = 2

/** Bits of the attributes. */
export const batchAttributes = {
  /** Id of the codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  codecMask: 0x07,
  /** The timestamps are set by the broker (LogAppendTime): each record has `maxTimestamp`. */
  logAppendTime: 0x08,
  transactional: 0x10,
  /** The single record says how a transaction ended; it is not data. */
  control: 0x20,
  /** `baseTimestamp` is the time after which a compacted tombstone may be deleted. */
  deleteHorizon: 0x40,
} as const

/** The smallest record: length, attributes, two deltas, null key, null value, no headers. */
export const recordBytesMin = 7
