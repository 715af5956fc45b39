// The producer's way to the network, watched: which records were given to a socket, under which
// numbers; that nothing is done after close; that every stream is closed. Also where DNS is slow
// or fails.

import { recordsOf } from '../../src/in-process-cluster/record-area.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { apiByKey, isFlexibleRequest } from '../../src/protocol/api/catalogue.ts'
import { decodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { decodeBatchHeader, verifyCrc } from '../../src/protocol/records/record-batch.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { Address, ByteStream, StreamHandler, Transport } from '../../src/runtime/transport.ts'
import { idOf } from './ledger.ts'

/** One batch that was given to a socket. */
export interface WrittenBatch {
  readonly topic: string
  readonly partition: number
  readonly ids: readonly number[]
  readonly producerId: ProducerId
  readonly epoch: number
  readonly sequence: number
  readonly codecId: number
  /** Of the batch as it is sent. */
  readonly bytes: number
}

export interface TransportWatch {
  readonly clock: Clock
  readonly network: Transport
  /** Names a topic by its id; v13 requests carry no name. */
  topicName(id: Uint8Array): string
  onBatch(batch: WrittenBatch): void
  onOddity(text: string): void
  trace(text: string): void
}

export class WatchedTransport implements Transport {
  readonly #watch: TransportWatch
  openStreams = 0
  connects = 0
  dns: 'good' | 'slow' | 'fails' = 'good'
  #over = false
  #nextStream = 1

  constructor(watch: TransportWatch) {
    this.#watch = watch
  }

  /** The producer is closed: from now on it must be silent. */
  endOfUse(): void {
    this.#over = true
  }

  connect(address: Address, handler: StreamHandler): ByteStream {
    this.#mustBeInUse(`a connection to ${address.host}:${address.port}`)
    this.openStreams++
    this.connects++
    const number = this.#nextStream++
    const { trace } = this.#watch
    trace(`connect  stream ${number} to port ${address.port}`)
    const stream = this.#watch.network.connect(address, {
      onConnect: () => handler.onConnect?.(),
      onData: (bytes) => handler.onData(bytes),
      onClose: (error) => {
        this.openStreams--
        trace(`closed   stream ${number}${error === undefined ? '' : `: ${error.message}`}`)
        handler.onClose(error)
      },
    })
    return {
      write: (chunks, flushed) => {
        this.#onWrite(number, chunks)
        stream.write(chunks, flushed)
      },
      get pendingBytes() {
        return stream.pendingBytes
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      destroy: (error) => stream.destroy(error),
      setKeepsProcessAlive: (value) => stream.setKeepsProcessAlive(value),
    }
  }

  async resolve(host: string): Promise<readonly string[]> {
    this.#mustBeInUse(`a question for the address of ${host}`)
    const { dns } = this
    if (dns !== 'good') {
      await new Promise<void>((resolve) => {
        this.#watch.clock.setTimer(dns === 'slow' ? 300 : 5, resolve)
      })
    }
    if (dns === 'fails') throw Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' })
    return this.#watch.network.resolve(host)
  }

  #mustBeInUse(what: string): void {
    if (this.#over) this.#watch.onOddity(`after close: ${what}`)
  }

  #onWrite(stream: number, chunks: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(chunks)
    const reader = new Reader(bytes, 4)
    const { apiKey, apiVersion } = decodeRequestHeader(reader, isFlexibleRequest)
    const api = apiByKey.get(apiKey)?.name ?? String(apiKey)
    this.#mustBeInUse(`a ${api} request`)
    if (apiKey !== produceApi.key) {
      this.#watch.trace(`request  stream ${stream}: ${api}`)
      return
    }
    const request = produceApi.decodeRequest(reader, apiVersion)
    const batches: string[] = []
    for (const { name, topicId, partitionData } of request.topicData) {
      const topic = name === '' ? this.#watch.topicName(topicId) : name
      for (const { index, records } of partitionData) {
        batches.push(this.#onBatch(topic, index, records ?? new Uint8Array(0)))
      }
    }
    this.#watch.trace(`request  stream ${stream}: Produce v${apiVersion} ${batches.join('; ')}`)
  }

  #onBatch(topic: string, partition: number, bytes: Uint8Array): string {
    const header = decodeBatchHeader(bytes)
    const { producerId, producerEpoch: epoch, baseSequence: sequence, codecId } = header
    if (!verifyCrc(bytes)) {
      this.#watch.onOddity(`a batch for ${topic}-${partition} with a wrong checksum was sent`)
      return `${topic}-${partition} damaged`
    }
    const ids = recordsOf(bytes).map(idOf)
    const number = { producerId, epoch, sequence }
    this.#watch.onBatch({ topic, partition, ids, ...number, codecId, bytes: bytes.length })
    const text = `id ${producerId} epoch ${epoch} sequence ${sequence}`
    return `${topic}-${partition} [${ids.join(' ')}] ${text}`
  }
}
