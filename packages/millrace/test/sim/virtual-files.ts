// A disk in virtual time. Calls take time, and a process or the whole machine can crash at any
// moment: of a process the write under way may be torn; of a machine everything that was not synced
// may be lost, torn or kept, entries of directories too. It can be full, and calls can fail.

import type { FileSystem, OpenFile, OpenMode } from '../../src/runtime/file-system.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'

interface PendingWrite {
  readonly position: number
  /** Null = a truncation to `position`. */
  readonly bytes: Uint8Array | null
}

class Inode {
  content: Buffer = Buffer.alloc(0)
  durable: Buffer = Buffer.alloc(0)
  pending: PendingWrite[] = []
  links = 1
  /** Descriptors: a file that was removed takes space until the last one is closed. */
  opens = 0
  modifiedAt = 0

  apply({ position, bytes }: PendingWrite): void {
    this.content = applied(this.content, position, bytes)
  }
}

const applied = (content: Buffer, position: number, bytes: Uint8Array | null): Buffer => {
  if (bytes === null) return Buffer.from(content.subarray(0, position))
  const result = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(result)
  result.set(bytes, position)
  return result
}

export type Operation = 'open' | 'write' | 'read' | 'sync' | 'remove' | 'list' | 'truncate'

const never = <Value>(): Promise<Value> => new Promise(() => {})

const failure = (code: string, operation: string): Error =>
  Object.assign(new Error(`${code}: ${operation}`), { code })

/** Its writes are over when they are on the device; a crash may come between both. */
const syncedFile = (file: OpenFile): OpenFile => ({
  ...file,
  write: async (chunks, position) => {
    await file.write(chunks, position)
    await file.sync()
  },
})

/** What a write tears at. */
const sectorBytes = 64

export class VirtualDisk {
  readonly clock: VirtualClock
  readonly #random: Random
  #entries = new Map<string, Inode>()
  #durableEntries = new Map<string, Inode>()
  #alive = { isAlive: true }
  readonly #removed = new Set<Inode>()
  readonly #writing = new Set<{ inode: Inode; write: PendingWrite }>()
  capacityBytes = Number.POSITIVE_INFINITY
  latencyMaxMs = 2
  /** The error code that a call fails with; null = it works. */
  failing: (operation: Operation, path: string) => string | null = () => null
  calls = 0
  /** Counts calls down; the machine or process ends at the moment it gets to 0. */
  onCall: () => void = () => {}

  constructor(clock: VirtualClock, random: Random) {
    this.clock = clock
    this.#random = random
  }

  /** The files as a process sees them, until it crashes. */
  mount(): FileSystem {
    const alive = this.#alive
    const run = <Value>(
      operation: Operation,
      path: string,
      action: () => Value,
    ): Promise<Value> => {
      this.calls++
      this.onCall()
      if (!alive.isAlive) return never()
      return new Promise((resolve, reject) => {
        this.clock.setTimer(this.#random.next() * this.latencyMaxMs, () => {
          if (!alive.isAlive) return
          const code = this.failing(operation, path)
          try {
            if (code !== null) throw failure(code, operation)
            resolve(action())
          } catch (error) {
            reject(error)
          }
        })
      })
    }
    return {
      makeDirectory: () => run('open', '', () => {}),
      list: (path) => run('list', path, () => this.#names(path)),
      open: (path, mode) =>
        run('open', path, () => {
          const file = this.#file(path, this.#openInode(path, mode), run)
          return mode === 'createSynced' ? syncedFile(file) : file
        }),
      remove: (path) => run('remove', path, () => this.#remove(path)),
      syncDirectory: (path) => run('sync', path, () => this.#syncDirectory()),
      touch: (path) =>
        run('write', path, () => {
          this.#existing(path).modifiedAt = this.clock.wallTime()
        }),
      modifiedAt: (path) => run('read', path, () => this.#existing(path).modifiedAt),
    }
  }

  #existing(path: string): Inode {
    const inode = this.#entries.get(path)
    if (inode === undefined) throw failure('ENOENT', path)
    return inode
  }

  #openInode(path: string, mode: OpenMode): Inode {
    if (mode === 'read' || mode === 'update') return this.#existing(path)
    if (this.#entries.has(path)) throw failure('EEXIST', path)
    const inode = new Inode()
    inode.modifiedAt = this.clock.wallTime()
    this.#entries.set(path, inode)
    return inode
  }

  #file(
    path: string,
    inode: Inode,
    run: <Value>(operation: Operation, path: string, action: () => Value) => Promise<Value>,
  ): OpenFile {
    const alive = this.#alive
    inode.opens++
    let isOpen = true
    return {
      write: (chunks, position) => {
        const entry = { inode, write: { position, bytes: Buffer.concat(chunks) } }
        this.#writing.add(entry)
        return run('write', path, () => {
          this.#writing.delete(entry)
          this.#write(inode, entry.write)
        }).catch((error) => {
          this.#writing.delete(entry)
          throw error
        })
      },
      read: (target, position) =>
        run('read', path, () => inode.content.subarray(position).copy(target)),
      truncate: (bytes) =>
        run('truncate', path, () => this.#write(inode, { position: bytes, bytes: null })),
      sync: () =>
        run('sync', path, () => {
          inode.durable = inode.content
          inode.pending = []
        }),
      stat: () =>
        run('read', path, () => ({ bytes: inode.content.length, isLinked: inode.links > 0 })),
      close: () => {
        if (isOpen && alive.isAlive && --inode.opens === 0) this.#removed.delete(inode)
        isOpen = false
        return Promise.resolve()
      },
    }
  }

  #write(inode: Inode, write: PendingWrite): void {
    const end = write.position + (write.bytes?.length ?? 0)
    const growth = Math.max(0, end - inode.content.length)
    const left = this.capacityBytes - this.usedBytes
    if (growth > left) {
      // What there is space for is written.
      const fits = Math.max(0, (write.bytes?.length ?? 0) - (growth - left))
      if (fits > 0) this.#keep(inode, { ...write, bytes: write.bytes!.subarray(0, fits) })
      throw failure('ENOSPC', 'write')
    }
    this.#keep(inode, write)
  }

  #keep(inode: Inode, write: PendingWrite): void {
    inode.apply(write)
    inode.pending.push(write)
    inode.modifiedAt = this.clock.wallTime()
  }

  #names(directory: string): string[] {
    const prefix = `${directory}/`
    return [...this.#entries.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
  }

  #remove(path: string): void {
    const inode = this.#existing(path)
    inode.links--
    if (inode.opens > 0) this.#removed.add(inode)
    this.#entries.delete(path)
  }

  #syncDirectory(): void {
    this.#durableEntries = new Map(this.#entries)
  }

  get usedBytes(): number {
    let bytes = 0
    for (const { content } of this.#entries.values()) bytes += content.length
    for (const { content } of this.#removed) bytes += content.length
    return bytes
  }

  /** Some write has no space. */
  get isFull(): boolean {
    return this.capacityBytes < Number.POSITIVE_INFINITY
  }

  /** What is in a file now; for tests that damage it. */
  content(path: string): Buffer {
    return this.#existing(path).content
  }

  replace(path: string, content: Buffer): void {
    this.#existing(path).content = content
  }

  paths(): string[] {
    return [...this.#entries.keys()].sort()
  }

  delete(path: string): void {
    this.#remove(path)
  }

  /** Everything that mounted the disk ends now; what is left is for the next mount. */
  crash(kind: 'process' | 'power'): void {
    this.#alive.isAlive = false
    this.#alive = { isAlive: true }
    for (const { inode, write } of this.#writing) this.#tear(inode, write)
    this.#writing.clear()
    this.#removed.clear()
    for (const inode of this.#entries.values()) inode.opens = 0
    if (kind === 'power') this.#losePower()
  }

  /** Of a write that was under way any beginning may be there. */
  #tear(inode: Inode, write: PendingWrite): void {
    const torn = this.#torn(write)
    if (torn === null) return
    inode.apply(torn)
    inode.pending.push(torn)
  }

  #torn(write: PendingWrite): PendingWrite | null {
    const chance = this.#random.next()
    if (write.bytes === null) return chance < 0.5 ? null : write
    if (chance < 0.2) return null
    if (chance < 0.4) return write
    const sectors = Math.floor((this.#random.next() * write.bytes.length) / sectorBytes)
    const length = chance < 0.7 ? sectors * sectorBytes : this.#randomBelow(write.bytes.length)
    return length === 0 ? null : { ...write, bytes: write.bytes.subarray(0, length) }
  }

  #randomBelow(bound: number): number {
    return Math.floor(this.#random.next() * bound)
  }

  #losePower(): void {
    const entries = new Map<string, Inode>()
    for (const [path, inode] of this.#durableEntries) {
      const isRemoved = this.#entries.get(path) !== inode
      if (!isRemoved || this.#random.next() < 0.5) entries.set(path, inode)
    }
    for (const [path, inode] of this.#entries) {
      const isNew = this.#durableEntries.get(path) !== inode
      if (!isNew || this.#random.next() < 0.5) entries.set(path, inode)
    }
    for (const inode of entries.values()) {
      let content = inode.durable
      for (const write of inode.pending) {
        const left = this.#torn(write)
        if (left !== null) content = applied(content, left.position, left.bytes)
      }
      inode.content = content
      inode.durable = content
      inode.pending = []
      inode.links = 1
    }
    this.#entries = entries
    this.#durableEntries = new Map(entries)
  }
}
