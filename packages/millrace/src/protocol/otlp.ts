// Owns the encoding of metrics as OpenTelemetry's OTLP in protobuf (MetricsData v1), as far as a
// Kafka client needs it: numbers, as sums or gauges, with text attributes. Callers: the client
// encodes, the in-process cluster decodes. Invariant: it is loaded when a broker first requests
// metrics.

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { messageOf } from '../runtime/value-kinds.ts'
import { KafkaError } from './kafka-error.ts'

export type Attributes = Readonly<Record<string, string>>

/** One value. A sum counts from `startTimeMs`; a gauge is the current value. */
export interface OtlpMetric {
  readonly name: string
  readonly kind: 'gauge' | 'deltaSum' | 'cumulativeSum'
  readonly value: number
  readonly attributes: Attributes
  /** Milliseconds since the epoch. */
  readonly startTimeMs: number
  readonly timeMs: number
}

export interface OtlpMetrics {
  /** Attributes of all metrics. */
  readonly resource: Attributes
  readonly scopeName: string
  readonly scopeVersion: string
  readonly metrics: readonly OtlpMetric[]
}

/** The field numbers of the messages. */
const field = {
  data: { resourceMetrics: 1 },
  resourceMetrics: { resource: 1, scopeMetrics: 2 },
  resource: { attributes: 1 },
  keyValue: { key: 1, value: 2 },
  anyValue: { text: 1 },
  scopeMetrics: { scope: 1, metrics: 2 },
  scope: { name: 1, version: 2 },
  metric: { name: 1, gauge: 5, sum: 7 },
  gauge: { points: 1 },
  sum: { points: 1, temporality: 2, isMonotonic: 3 },
  point: { startTime: 2, time: 3, double: 4, integer: 6, attributes: 7 },
} as const

const temporality = { deltaSum: 1, cumulativeSum: 2 } as const

const nanoseconds = (milliseconds: number): bigint => BigInt(Math.round(milliseconds)) * 1_000_000n

const milliseconds = (nanos: bigint | string): number => Number(BigInt(nanos) / 1_000_000n)

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────

const writeMessage = (writer: BinaryWriter, number: number, write: () => void): void => {
  writer.tag(number, WireType.LengthDelimited).fork()
  write()
  writer.join()
}

const writeText = (writer: BinaryWriter, number: number, text: string): void => {
  writer.tag(number, WireType.LengthDelimited).string(text)
}

const writeAttributes = (writer: BinaryWriter, number: number, attributes: Attributes): void => {
  for (const [key, text] of Object.entries(attributes)) {
    writeMessage(writer, number, () => {
      writeText(writer, field.keyValue.key, key)
      writeMessage(writer, field.keyValue.value, () => {
        writeText(writer, field.anyValue.text, text)
      })
    })
  }
}

const writePoint = (writer: BinaryWriter, number: number, metric: OtlpMetric): void =>
  writeMessage(writer, number, () => {
    const { startTimeMs, timeMs, value, attributes } = metric
    writer.tag(field.point.startTime, WireType.Bit64).fixed64(nanoseconds(startTimeMs))
    writer.tag(field.point.time, WireType.Bit64).fixed64(nanoseconds(timeMs))
    writer.tag(field.point.double, WireType.Bit64).double(value)
    writeAttributes(writer, field.point.attributes, attributes)
  })

const writeMetric = (writer: BinaryWriter, number: number, metric: OtlpMetric): void =>
  writeMessage(writer, number, () => {
    const { name, kind } = metric
    writeText(writer, field.metric.name, name)
    if (kind === 'gauge') {
      writeMessage(writer, field.metric.gauge, () => {
        writePoint(writer, field.gauge.points, metric)
      })
      return
    }
    writeMessage(writer, field.metric.sum, () => {
      writePoint(writer, field.sum.points, metric)
      writer.tag(field.sum.temporality, WireType.Varint).int32(temporality[kind])
      writer.tag(field.sum.isMonotonic, WireType.Varint).bool(true)
    })
  })

export const encodeMetrics = (data: OtlpMetrics): Uint8Array => {
  const writer = new BinaryWriter()
  writeMessage(writer, field.data.resourceMetrics, () => {
    writeMessage(writer, field.resourceMetrics.resource, () => {
      writeAttributes(writer, field.resource.attributes, data.resource)
    })
    writeMessage(writer, field.resourceMetrics.scopeMetrics, () => {
      writeMessage(writer, field.scopeMetrics.scope, () => {
        writeText(writer, field.scope.name, data.scopeName)
        writeText(writer, field.scope.version, data.scopeVersion)
      })
      for (const metric of data.metrics) writeMetric(writer, field.scopeMetrics.metrics, metric)
    })
  })
  return writer.finish()
}

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────

type ReadField = (number: number, reader: BinaryReader) => boolean

/**
 * Reads the fields of a message of `length` bytes; fields that `read` does not handle are skipped.
 */
const readMessage = (reader: BinaryReader, length: number, read: ReadField): void => {
  const end = reader.pos + length
  while (reader.pos < end) {
    const [number, wireType] = reader.tag()
    if (!read(number, reader)) reader.skip(wireType, number)
  }
  if (reader.pos !== end) throw new RangeError('a message ends inside one of its fields')
}

const readInner = (reader: BinaryReader, read: ReadField): true => {
  readMessage(reader, reader.uint32(), read)
  return true
}

const readAttribute = (reader: BinaryReader, into: Record<string, string>): true => {
  let key = ''
  let text = ''
  readInner(reader, (number) => {
    if (number === field.keyValue.key) key = reader.string()
    else if (number === field.keyValue.value) {
      return readInner(reader, (inner) => {
        if (inner !== field.anyValue.text) return false
        text = reader.string()
        return true
      })
    } else return false
    return true
  })
  into[key] = text
  return true
}

type Point = Omit<OtlpMetric, 'name' | 'kind'>

const readPoint = (reader: BinaryReader): Point => {
  const attributes: Record<string, string> = {}
  let [value, startTimeMs, timeMs] = [0, 0, 0]
  readInner(reader, (number) => {
    if (number === field.point.startTime) startTimeMs = milliseconds(reader.fixed64())
    else if (number === field.point.time) timeMs = milliseconds(reader.fixed64())
    else if (number === field.point.double) value = reader.double()
    else if (number === field.point.integer) value = Number(reader.sfixed64())
    else if (number === field.point.attributes) return readAttribute(reader, attributes)
    else return false
    return true
  })
  return { value, startTimeMs, timeMs, attributes }
}

const readMetric = (reader: BinaryReader, into: OtlpMetric[]): true => {
  let name = ''
  let kind: OtlpMetric['kind'] = 'gauge'
  const points: Point[] = []
  readInner(reader, (number) => {
    if (number === field.metric.name) name = reader.string()
    else if (number === field.metric.gauge || number === field.metric.sum) {
      return readInner(reader, (inner) => {
        if (inner === field.sum.points) points.push(readPoint(reader))
        else if (inner === field.sum.temporality) {
          kind = reader.int32() === temporality.deltaSum ? 'deltaSum' : 'cumulativeSum'
        } else return false
        return true
      })
    } else return false
    return true
  })
  for (const point of points) into.push({ name, kind, ...point })
  return true
}

/** Throws MALFORMED_RESPONSE if the bytes are not metrics. */
export const decodeMetrics = (bytes: Uint8Array): OtlpMetrics => {
  const resource: Record<string, string> = {}
  const metrics: OtlpMetric[] = []
  const scope = { name: '', version: '' }
  const readScopeMetrics: ReadField = (number, reader) => {
    if (number === field.scopeMetrics.metrics) return readMetric(reader, metrics)
    if (number !== field.scopeMetrics.scope) return false
    return readInner(reader, (inner) => {
      if (inner === field.scope.name) scope.name = reader.string()
      else if (inner === field.scope.version) scope.version = reader.string()
      else return false
      return true
    })
  }
  const readResourceMetrics: ReadField = (number, reader) => {
    if (number === field.resourceMetrics.scopeMetrics) return readInner(reader, readScopeMetrics)
    if (number !== field.resourceMetrics.resource) return false
    return readInner(
      reader,
      (inner) => inner === field.resource.attributes && readAttribute(reader, resource),
    )
  }
  try {
    const reader = new BinaryReader(bytes)
    readMessage(
      reader,
      bytes.length,
      (number) => number === field.data.resourceMetrics && readInner(reader, readResourceMetrics),
    )
  } catch (cause) {
    const reason = messageOf(cause)
    throw new KafkaError('MALFORMED_RESPONSE', `Malformed metrics: ${reason}`, { cause })
  }
  return { resource, scopeName: scope.name, scopeVersion: scope.version, metrics }
}
