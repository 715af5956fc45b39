// Owns the callers that wait for results of spooled records, by record id. The engine uses this
// object as the settle of each such record, with its id as the tag. Caller: Spooling. Invariant: a
// record that waits on disk needs only its entry here.

import { callSettle, type DeliveredRecord, type Settle, type Settler } from '../../engine/record.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import { isPromise } from '../../runtime/value-kinds.ts'

/** The callers of records with consecutive ids. */
interface Piece {
  readonly settles: (Settle | null)[]
  readonly tags: number[]
  size: number
}

/** Small, because one remaining caller keeps a whole piece. */
const pieceIds = 32
const sparePiecesMax = 256

/** The approximate size of an entry, its promise and its metadata, in bytes. */
export const resultBytes = 640

export class SpooledResults implements Settler {
  readonly heldBytes = 240
  readonly #pieces = new Map<number, Piece>()
  readonly #sparePieces: Piece[] = []
  /** The receiver of records whose callers were in an earlier process. */
  readonly #recovered = new Map<number, Settle>()
  readonly #onCallbackError: (thrown: unknown) => void
  #size = 0
  #isLeaving = false

  constructor(onCallbackError: (thrown: unknown) => void) {
    this.#onCallbackError = onCallbackError
  }

  get size(): number {
    return this.#size + this.#recovered.size
  }

  add(recordId: number, settle: Settle, tag: number): void {
    const number = Math.floor(recordId / pieceIds)
    let piece = this.#pieces.get(number)
    if (piece === undefined) {
      piece = this.#sparePieces.pop() ?? newPiece()
      this.#pieces.set(number, piece)
    }
    const index = recordId % pieceIds
    piece.settles[index] = settle
    piece.tags[index] = tag
    piece.size++
    this.#size++
  }

  /** The caller of the record was in an earlier process. */
  addRecovered(recordId: number, settle: Settle): void {
    this.#recovered.set(recordId, settle)
  }

  /** Records that fail from now on stay for the next process, which may deliver them. */
  leave(): void {
    this.#isLeaving = true
    this.#recovered.clear()
  }

  /** The settle of a record for the engine: null = no caller waits for its result. */
  settleOf(recordId: number): Settle | null {
    const piece = this.#pieces.get(Math.floor(recordId / pieceIds))
    const isAwaited = piece !== undefined && piece.settles[recordId % pieceIds] !== null
    return isAwaited || this.#recovered.has(recordId) ? this : null
  }

  settled(recordId: number, error: KafkaError | null, delivered: DeliveredRecord | null): void {
    const number = Math.floor(recordId / pieceIds)
    const piece = this.#pieces.get(number)
    const index = recordId % pieceIds
    const settle = piece?.settles[index] ?? null
    if (piece === undefined || settle === null) {
      this.#settleRecovered(recordId, error, delivered)
      return
    }
    piece.settles[index] = null
    this.#size--
    if (--piece.size === 0) {
      this.#pieces.delete(number)
      if (this.#sparePieces.length < sparePiecesMax) this.#sparePieces.push(piece)
    }
    this.#call(settle, piece.tags[index]!, error, delivered)
  }

  #settleRecovered(
    recordId: number,
    error: KafkaError | null,
    delivered: DeliveredRecord | null,
  ): void {
    const settle = this.#recovered.get(recordId)
    if (settle === undefined) return
    this.#recovered.delete(recordId)
    this.#call(settle, 0, error, delivered)
  }

  #call(
    settle: Settle,
    tag: number,
    error: KafkaError | null,
    delivered: DeliveredRecord | null,
  ): void {
    const isKept = this.#isLeaving && error !== null && error.isDeadLettered !== true
    // The promise of an async callback is not awaited: its rejection is reported.
    const result = callSettle(settle, tag, isKept ? maybePersisted(error) : error, delivered)
    if (isPromise(result)) result.catch(this.#onCallbackError)
  }

  /** Fails every remaining caller: the records stay in the spool. */
  failAll(error: KafkaError): void {
    for (const number of [...this.#pieces.keys()]) {
      const first = number * pieceIds
      for (let id = first; id < first + pieceIds; id++) this.#fail(id, error)
    }
    for (const id of [...this.#recovered.keys()]) this.#fail(id, error)
  }

  #fail(recordId: number, error: KafkaError): void {
    try {
      this.settled(recordId, error, null)
    } catch (thrown) {
      this.#onCallbackError(thrown)
    }
  }
}

/** The record is in the spool. */
const maybePersisted = (error: KafkaError): KafkaError =>
  new KafkaError(error.code, error.message, { ...error, ...causeOf(error), persisted: 'maybe' })

const causeOf = ({ cause }: KafkaError): { cause?: unknown } =>
  cause === undefined ? {} : { cause }

const newPiece = (): Piece => ({
  settles: new Array<Settle | null>(pieceIds).fill(null),
  tags: new Array<number>(pieceIds).fill(0),
  size: 0,
})
