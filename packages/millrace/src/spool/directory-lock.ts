// Owns the lock of a spool directory: one process uses it at a time. The file `lock.N` identifies
// the holder, and the holder updates its modification time. A new process takes the lock when the
// holder has ended. On the same machine and process-id namespace the system reports this at once,
// even if process ids repeat. Elsewhere (a restarted container, another machine with a shared
// volume) the holder has ended if its file did not change for `silenceMs`.
//
// One process wins a takeover: it creates `lock.N+1` exclusively, and a process that finds a higher
// number afterwards does not get the lock. Callers: Spool; inspection reads the holder. Invariant:
// no process writes to or renames the lock file of another one.

import { KafkaError } from '../protocol/kafka-error.ts'
import { type Clock, isoTime, type Timer } from '../runtime/clock.ts'
import { type FileSystem, fileErrorCode } from '../runtime/file-system.ts'
import type { Processes, ProcessIdentity } from '../runtime/process-identity.ts'
import { fileFailed } from './errors.ts'
import { reserveName } from './log-writer.ts'

/** How often the holder updates the time of its file. */
const heartbeatMs = 2000
/**
 * If the holder's process cannot be checked, it has ended when its file did not change for this
 * time.
 */
export const silenceMs = 10_000
const watchMs = 500
const holderBytesMax = 4096

const lockNumber = (name: string): number | null => {
  const match = /^lock\.(\d{1,15})$/.exec(name)
  return match === null ? null : Number(match[1])
}

type Holder = ProcessIdentity & { readonly since: number }

export interface LockEnvironment {
  readonly files: FileSystem
  readonly clock: Clock
  readonly processes: Processes
}

export class DirectoryLock {
  readonly #environment: LockEnvironment
  readonly #directory: string
  readonly #path: string
  #timer: Timer | null = null
  #isReleased = false

  private constructor(environment: LockEnvironment, directory: string, path: string) {
    this.#environment = environment
    this.#directory = directory
    this.#path = path
  }

  /** Rejects with SPOOL_LOCKED, which names the holder, if another process has the directory. */
  static async acquire(environment: LockEnvironment, directory: string): Promise<DirectoryLock> {
    for (;;) {
      const numbers = await listLocks(environment.files, directory)
      const newest = numbers.at(-1) ?? 0
      if (newest > 0) await waitForEnd(environment, directory, newest)
      const lock = await tryCreate(environment, directory, newest + 1)
      if (lock !== null) {
        for (const number of numbers) {
          await environment.files.remove(`${directory}/lock.${number}`).catch(() => {})
        }
        return lock
      }
    }
  }

  static created(environment: LockEnvironment, directory: string, path: string): DirectoryLock {
    return new DirectoryLock(environment, directory, path)
  }

  /** Updates the lock from now on; `onLost` is called once if another process has taken it. */
  hold(onLost: (error: KafkaError) => void): void {
    const { clock, files } = this.#environment
    this.#timer = clock.setTimer(heartbeatMs, () => {
      files.touch(this.#path).then(
        () => {
          if (!this.#isReleased) this.hold(onLost)
        },
        (cause: unknown) => {
          if (!this.#isReleased) onLost(fileFailed('keeping the lock', this.#path, cause))
        },
      )
    })
    this.#timer.unref?.()
  }

  async release(): Promise<void> {
    this.#isReleased = true
    this.#timer?.cancel()
    await this.#environment.files.remove(this.#path).catch(() => {})
  }

  get directory(): string {
    return this.#directory
  }
}

/** The holder of a directory, as far as the lock file and the system show. */
export interface LockHolder {
  /** The id of its process. */
  readonly pid: number
  /** The name of its machine. */
  readonly host: string
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Null = the process cannot be checked from here. */
  readonly isRunning: boolean | null
}

/** The holder of the directory; null = no process holds it. */
export const lockHolder = async (
  files: FileSystem,
  processes: Processes,
  directory: string,
): Promise<LockHolder | null> => {
  const newest = (await listLocks(files, directory)).at(-1)
  const holder =
    newest === undefined ? null : await readHolder(files, `${directory}/lock.${newest}`)
  if (holder === null) return null
  const { pid, host, since } = holder
  const state = processes.stateOf(holder)
  return { pid, host, since, isRunning: state === 'unknown' ? null : state === 'running' }
}

const listLocks = async (files: FileSystem, directory: string): Promise<number[]> => {
  try {
    const names = await files.list(directory)
    return names
      .map(lockNumber)
      .filter((number) => number !== null)
      .sort((a, b) => a - b)
  } catch (error) {
    throw fileFailed('reading the directory', directory, error)
  }
}

/** Null = another process was faster. */
const tryCreate = async (
  environment: LockEnvironment,
  directory: string,
  number: number,
): Promise<DirectoryLock | null> => {
  const { files, clock, processes } = environment
  const path = `${directory}/lock.${number}`
  const holder: Holder = { ...processes.self, since: clock.wallTime() }
  try {
    const file = await files.open(path, 'create')
    try {
      await file.write([Buffer.from(JSON.stringify(holder))], 0)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return null
    await files.remove(path).catch(() => {})
    const isFull = fileErrorCode(error) === 'ENOSPC'
    if (isFull && (await deleteReserve(files, directory))) return null
    throw fileFailed('creating the lock', path, error)
  }
  const newest = (await listLocks(files, directory)).at(-1) ?? 0
  if (newest === number) return DirectoryLock.created(environment, directory, path)
  await files.remove(path).catch(() => {})
  return null
}

/**
 * On a full disk the reserve of the last process is removed to make space for the lock; false =
 * there is no reserve.
 */
const deleteReserve = (files: FileSystem, directory: string): Promise<boolean> =>
  files.remove(`${directory}/${reserveName}`).then(
    () => true,
    () => false,
  )

/** Resolves when the holder has ended; rejects with SPOOL_LOCKED while it runs. */
const waitForEnd = async (
  environment: LockEnvironment,
  directory: string,
  number: number,
): Promise<void> => {
  const { clock, processes, files } = environment
  const path = `${directory}/lock.${number}`
  const first = await modifiedAt(files, path)
  if (first === null) return
  const endAt = clock.now() + silenceMs
  for (;;) {
    const holder = await readHolder(files, path)
    const state = holder === null ? 'unknown' : processes.stateOf(holder)
    if (state === 'ended') return
    if (state === 'running') throw locked(directory, holder)
    const moved = await modifiedAt(files, path)
    if (moved === null) return
    if (moved !== first) throw locked(directory, holder)
    // In the same boot of the same machine both processes have the same clock, and the wait began
    // earlier.
    const isSameClock = holder !== null && holder.bootId !== '' && isSameBoot(holder, processes)
    const silentFor = isSameClock ? clock.wallTime() - moved : 0
    if (silentFor >= silenceMs || clock.now() >= endAt) return
    await new Promise<void>((resolve) => clock.setTimer(watchMs, resolve))
  }
}

const isSameBoot = (holder: Holder, { self }: Processes): boolean => holder.bootId === self.bootId

const modifiedAt = async (files: FileSystem, path: string): Promise<number | null> => {
  try {
    return await files.modifiedAt(path)
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return null
    throw fileFailed('reading the lock', path, error)
  }
}

/** Null = the file is being written, or has an unknown content. */
const readHolder = async (files: FileSystem, path: string): Promise<Holder | null> => {
  try {
    const file = await files.open(path, 'read')
    try {
      const bytes = Buffer.alloc(holderBytesMax)
      const count = await file.read(bytes, 0)
      return parseHolder(bytes.toString('utf8', 0, count))
    } finally {
      await file.close()
    }
  } catch {
    return null
  }
}

const parseHolder = (text: string): Holder | null => {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) return null
  const { pid, startTime, bootId, namespace, host, since } = value as Record<string, unknown>
  if (typeof pid !== 'number' || typeof since !== 'number') return null
  const texts = [startTime, bootId, namespace, host]
  if (texts.some((text) => typeof text !== 'string')) return null
  return value as Holder
}

const locked = (directory: string, holder: Holder | null): KafkaError => {
  const who =
    holder === null
      ? 'another process'
      : `process ${holder.pid} on ${holder.host}, since ${isoTime(holder.since)}`
  return new KafkaError('SPOOL_LOCKED', `Spool ${directory} is in use by ${who}`)
}
