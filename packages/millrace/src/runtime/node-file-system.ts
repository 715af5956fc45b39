// Owns the implementation of the port file-system.ts with Node's callback API, whose calls cost
// less than those of `fs/promises`. Callers: the spool and the dead-letter file, through the port.
// Invariant: a write continues until all its bytes are written, or it rejects.

import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { type FileSystem, fileErrorCode, type OpenFile, type OpenMode } from './file-system.ts'

/** Limit of the buffers of one `writev` call (IOV_MAX). */
const chunksMax = 1024

const open = promisify(fs.open)
const fdatasync = promisify(fs.fdatasync)

const { O_RDWR, O_CREAT, O_EXCL, O_DSYNC } = fs.constants
/** On other systems O_DSYNC does not exist, or leaves the content in the device's cache. */
const hasSyncedWrites = process.platform === 'linux'
const flags: Readonly<Record<OpenMode, string | number>> = {
  read: 'r',
  update: 'r+',
  create: 'wx+',
  createSynced: hasSyncedWrites ? O_RDWR | O_CREAT | O_EXCL | O_DSYNC : 'wx+',
}

class NodeFile implements OpenFile {
  readonly #descriptor: number
  readonly #syncsAfterWrite: boolean

  constructor(descriptor: number, mode: OpenMode) {
    this.#descriptor = descriptor
    this.#syncsAfterWrite = mode === 'createSynced' && !hasSyncedWrites
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    let rest = chunks
    while (rest.length > 0) {
      const written = await this.#writeSome(rest.slice(0, chunksMax), position)
      position += written
      rest = behind(rest, written)
    }
    if (this.#syncsAfterWrite) await this.sync()
  }

  #writeSome(chunks: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.writev(this.#descriptor, chunks as Uint8Array[], position, (error, written) => {
        if (error === null) resolve(written)
        else reject(error)
      })
    })
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let total = 0
    while (total < target.length) {
      const count = await this.#readSome(target, total, position + total)
      if (count === 0) break
      total += count
    }
    return total
  }

  #readSome(target: Uint8Array, offset: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const length = target.length - offset
      fs.read(this.#descriptor, target, offset, length, position, (error, count) => {
        if (error === null) resolve(count)
        else reject(error)
      })
    })
  }

  truncate(bytes: number): Promise<void> {
    return promisify(fs.ftruncate)(this.#descriptor, bytes)
  }

  sync(): Promise<void> {
    return fdatasync(this.#descriptor)
  }

  async stat(): Promise<{ bytes: number; isLinked: boolean }> {
    const { size, nlink } = await promisify(fs.fstat)(this.#descriptor)
    return { bytes: size, isLinked: nlink > 0 }
  }

  close(): Promise<void> {
    return promisify(fs.close)(this.#descriptor)
  }
}

/** The remaining chunks after the first `written` bytes. */
const behind = (chunks: readonly Uint8Array[], written: number): Uint8Array[] => {
  const rest: Uint8Array[] = []
  for (const chunk of chunks) {
    if (written >= chunk.length) written -= chunk.length
    else {
      rest.push(written === 0 ? chunk : chunk.subarray(written))
      written = 0
    }
  }
  return rest
}

/** Error codes of systems that cannot open or sync a directory. */
const noDirectorySync = new Set(['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP', 'EACCES'])

/**
 * Creates the directory with its parents. Node's own `recursive` does not return if a parent exists
 * that accepts no entries, such as /proc.
 */
const makeDirectory = async (path: string): Promise<void> => {
  try {
    await promisify(fs.mkdir)(path)
  } catch (error) {
    if (await isDirectory(path)) return
    const parent = dirname(path)
    if (fileErrorCode(error) !== 'ENOENT' || (await isDirectory(parent))) throw error
    await makeDirectory(parent)
    await makeDirectory(path)
  }
}

const isDirectory = (path: string): Promise<boolean> =>
  promisify(fs.stat)(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )

/** The file system of the machine. */
export const nodeFileSystem: FileSystem = {
  makeDirectory,
  list: (path) => promisify(fs.readdir)(path),
  open: async (path, mode) => new NodeFile(await open(path, flags[mode], 0o600), mode),
  remove: (path) => promisify(fs.unlink)(path),
  syncDirectory: async (path) => {
    try {
      const descriptor = await open(path, 'r')
      try {
        await promisify(fs.fsync)(descriptor)
      } finally {
        await promisify(fs.close)(descriptor)
      }
    } catch (error) {
      if (!noDirectorySync.has(fileErrorCode(error) ?? '')) throw error
    }
  },
  touch: (path) => {
    const now = new Date()
    return promisify(fs.utimes)(path, now, now)
  },
  modifiedAt: async (path) => (await promisify(fs.stat)(path)).mtimeMs,
}
