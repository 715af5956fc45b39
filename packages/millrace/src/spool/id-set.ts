// Owns a set of record ids with one bit per id, in arrays that are created when they are needed.
// Caller: ScannedStates. Invariant: ids are never removed.

const pieceIds = 65_536

export class IdSet {
  readonly #pieces = new Map<number, Uint8Array>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(id: number): void {
    const number = Math.floor(id / pieceIds)
    let piece = this.#pieces.get(number)
    if (piece === undefined) {
      piece = new Uint8Array(pieceIds / 8)
      this.#pieces.set(number, piece)
    }
    const index = id % pieceIds
    const mask = 1 << (index & 7)
    if ((piece[index >>> 3]! & mask) !== 0) return
    piece[index >>> 3]! |= mask
    this.#size++
  }

  has(id: number): boolean {
    const piece = this.#pieces.get(Math.floor(id / pieceIds))
    const index = id % pieceIds
    return piece !== undefined && (piece[index >>> 3]! & (1 << (index & 7))) !== 0
  }
}
