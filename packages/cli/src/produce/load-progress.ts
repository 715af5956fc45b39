// How far a load with a spool has come: which records of the input are in the spool, or were
// delivered from it, so that the same command goes on there after a kill. The spool itself counts
// the records that it has taken; what it can't know is in two files beside its own: which load it
// is, and which records of the input the producer rejected. Caller: ProduceRun, which holds the
// spool's lock.

import { createHash } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../describe-failure.ts'

const loadName = 'load.json'
const rejectedName = 'load-rejected'
const rejectedMax = 1_000_000
const headBytes = 4096

/** What must be the same for a load to go on. */
export type LoadIdentity = Readonly<Record<string, string | number | null>>

interface LoadState {
  readonly load: LoadIdentity
  /** Records that were taken before the spool last began to count at 0. */
  readonly base: number
  /** Records that had been taken when a run ended by itself: its spool may count from 0 again. */
  readonly takenAtClose?: number
  /** Everything is delivered. */
  readonly isComplete?: boolean
}

/** The beginning of the file, as a hash: another file of this name is another load. */
export const headOf = (path: string): string => {
  const bytes = Buffer.alloc(headBytes)
  const descriptor = openSync(path, 'r')
  try {
    const count = readSync(descriptor, bytes, 0, headBytes, 0)
    return createHash('sha256').update(bytes.subarray(0, count)).digest('hex')
  } finally {
    closeSync(descriptor)
  }
}

const readText = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Failure(`${path} can't be read: ${(error as Error).message}`)
  }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

/** Null = it is not what `#write` wrote. */
const parseState = (text: string): LoadState | null => {
  let value: Partial<LoadState> | null
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const isState =
    typeof value?.load === 'object' &&
    value.load !== null &&
    isCount(value.base) &&
    (value.takenAtClose === undefined || isCount(value.takenAtClose))
  return isState ? (value as LoadState) : null
}

/** The content is on the device before the file gets its name: a loss of power leaves no half. */
const writeDurably = (path: string, text: string): void => {
  try {
    const descriptor = openSync(`${path}.new`, 'w')
    try {
      writeSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(`${path}.new`, path)
  } catch (error) {
    throw new Failure(`${path} can't be written: ${(error as Error).message}`)
  }
}

export class LoadProgress {
  readonly #directory: string
  readonly #load: LoadIdentity
  readonly #base: number
  readonly #rejected: Set<number>
  /** Records of earlier runs that the spool has taken. */
  readonly taken: number
  /** An earlier run has delivered everything. */
  readonly isComplete: boolean

  /**
   * `spoolCount` is what the spool has taken since it was empty. Throws if the directory is
   * another load's.
   */
  constructor(directory: string, load: LoadIdentity, spoolCount: number) {
    this.#directory = directory
    this.#load = load
    const state = this.#read()
    if (state === null && spoolCount > 0) {
      throw new Failure(`--spool must be a directory of its own, got ${directory}: it is in use`)
    }
    const { base = 0, takenAtClose, isComplete = false } = state ?? {}
    this.isComplete = isComplete
    this.taken = spoolCount === 0 && takenAtClose !== undefined ? takenAtClose : base + spoolCount
    this.#base = this.taken - spoolCount
    this.#rejected = this.#readRejected()
    if (!isComplete) this.#write({})
  }

  #read(): LoadState | null {
    const text = readText(join(this.#directory, loadName))
    if (text === null) return null
    const state = parseState(text)
    if (state === null) {
      throw new Failure(
        `${join(this.#directory, loadName)} is damaged: how far the load has come is unknown; ` +
          'start it again with another directory. millrace spool export prints what is left in ' +
          'this one',
      )
    }
    for (const [name, wanted] of Object.entries(this.#load)) {
      const known = state.load[name] ?? null
      if (known === wanted) continue
      throw new Failure(
        `--spool ${this.#directory} is of another load: its ${name} is ${JSON.stringify(known)}, ` +
          `got ${JSON.stringify(wanted)}: finish that load, or use another directory`,
      )
    }
    return state
  }

  #readRejected(): Set<number> {
    const text = readText(join(this.#directory, rejectedName)) ?? ''
    return new Set(text.split('\n').filter(Boolean).map(Number))
  }

  /** Written as a whole or not at all. */
  #write(more: Partial<LoadState>): void {
    const state: LoadState = { load: this.#load, base: this.#base, ...more }
    writeDurably(join(this.#directory, loadName), JSON.stringify(state))
  }

  /** The producer rejected this record of the input. */
  isRejected(line: number): boolean {
    return this.#rejected.has(line)
  }

  /** Noted before a later record is taken. */
  noteRejected(line: number): void {
    if (this.#rejected.size >= rejectedMax) {
      throw new Failure(`A load with --spool may have ${rejectedMax} rejected records, got more`)
    }
    this.#rejected.add(line)
    appendFileSync(join(this.#directory, rejectedName), `${line}\n`)
  }

  /** The run ends before the end of the input; nothing is taken any more. */
  noteClose(spoolCount: number): void {
    this.#write({ takenAtClose: this.#base + spoolCount })
  }

  /** Everything is delivered: what the spool counts from now on does not matter. */
  complete(): void {
    this.#write({ isComplete: true })
  }

  /** The load is over, and the spool is empty. */
  remove(): void {
    for (const name of [rejectedName, loadName])
      rmSync(join(this.#directory, name), { force: true })
  }
}
