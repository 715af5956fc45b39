// Owns the layout of the spool's files. A segment file is a header followed by blocks. A block is
// one group commit: a header with a checksum of the whole block, then entries (entries.ts). Numbers
// are big-endian. Callers: LogWriter writes; SegmentReader and recovery read. Invariants: a change
// that older programs cannot read increases `formatVersion`. Block numbers and record ids continue
// through all segments, so a missing part is detected.

import { crc32c } from '../protocol/records/crc.ts'

/** Increased when older programs cannot read the new format. */
export const formatVersion = 1

const magic = Buffer.from('millrace spool\n\0', 'latin1')

export const segmentHeaderBytes = 48
export const blockHeaderBytes = 32
/** Marks the beginning of a block: recovery searches for it after damage. */
const blockMarker = 0x6d724253

const crcOffset = 28
const checkedFrom = 4

export interface SegmentHeader {
  readonly version: number
  /** Counts the segments of a directory, from 1. */
  readonly segment: number
  readonly firstBlock: number
  readonly firstRecordId: number
  readonly createdAt: number
}

export interface BlockHeader {
  /** Bytes of its entries. */
  readonly payloadBytes: number
  readonly block: number
  /** The id of its first record, or of the next record if it has none. */
  readonly firstRecordId: number
  /** When the block was started, in milliseconds since the epoch. */
  readonly time: number
}

const suffix = '.spool'

/** `00000001.spool` */
export const segmentName = (segment: number): string =>
  `${String(segment).padStart(8, '0')}${suffix}`

/** The segment's number; null = the file is not a segment. */
export const segmentNumber = (name: string): number | null => {
  const match = /^(\d{8,15})\.spool$/.exec(name)
  return match === null ? null : Number(match[1])
}

export const encodeSegmentHeader = (header: SegmentHeader): Buffer => {
  const bytes = Buffer.alloc(segmentHeaderBytes)
  magic.copy(bytes)
  bytes.writeUInt16BE(header.version, 16)
  bytes.writeUIntBE(header.segment, 18, 6)
  bytes.writeUIntBE(header.firstBlock, 24, 6)
  bytes.writeUIntBE(header.firstRecordId, 30, 6)
  bytes.writeUIntBE(header.createdAt, 36, 6)
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, 44)), 44)
  return bytes
}

/**
 * Null = it is not a complete header of any version. Of a newer version's header, the fields that
 * this version knows are read: magic, version and checksum keep their positions.
 */
export const decodeSegmentHeader = (bytes: Buffer): SegmentHeader | null => {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, 16).equals(magic)) return null
  if (bytes.readUInt32BE(44) !== crc32c(bytes.subarray(0, 44))) return null
  return {
    version: bytes.readUInt16BE(16),
    segment: bytes.readUIntBE(18, 6),
    firstBlock: bytes.readUIntBE(24, 6),
    firstRecordId: bytes.readUIntBE(30, 6),
    createdAt: bytes.readUIntBE(36, 6),
  }
}

/** Writes the header before the entries: `bytes` is the whole block. */
export const sealBlock = (bytes: Buffer, header: Omit<BlockHeader, 'payloadBytes'>): void => {
  bytes.writeUInt32BE(blockMarker, 0)
  bytes.writeUInt32BE(bytes.length - blockHeaderBytes, 4)
  bytes.writeUIntBE(header.block, 8, 6)
  bytes.writeUIntBE(header.firstRecordId, 14, 6)
  bytes.writeUIntBE(header.time, 20, 6)
  bytes.writeUInt16BE(0, 26)
  bytes.writeUInt32BE(checksum(bytes), crcOffset)
}

const checksum = (block: Buffer): number =>
  crc32c(block.subarray(blockHeaderBytes), crc32c(block.subarray(checkedFrom, crcOffset)))

/** Null = no block begins here. `isWhole` checks the checksum. */
export const decodeBlockHeader = (bytes: Buffer): BlockHeader | null => {
  if (bytes.length < blockHeaderBytes || bytes.readUInt32BE(0) !== blockMarker) return null
  return {
    payloadBytes: bytes.readUInt32BE(4),
    block: bytes.readUIntBE(8, 6),
    firstRecordId: bytes.readUIntBE(14, 6),
    time: bytes.readUIntBE(20, 6),
  }
}

/** Whether the bytes of a block, with its header, match the checksum. */
export const isWhole = (block: Buffer): boolean => block.readUInt32BE(crcOffset) === checksum(block)

/** Where the next block may begin, from `start` on; -1 = nowhere. */
export const findMarker = (bytes: Buffer, start: number): number => {
  const marker = Buffer.alloc(4)
  marker.writeUInt32BE(blockMarker)
  return bytes.indexOf(marker, start)
}
