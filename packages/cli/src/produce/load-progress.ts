// Stores how far a load with --spool has come, so that the same command continues there after the
// process was killed. The spool counts the records that it accepted. This class adds two files in
// the spool's directory: the identity of the load, and the records of the input that the producer
// rejected. Caller: produce-command.ts, which must hold the spool's lock.

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

/** The values that must be equal for a load to continue. */
export type LoadIdentity = Readonly<Record<string, string | number | null>>

interface LoadState {
  readonly load: LoadIdentity
  /** Records that were accepted before the spool last restarted its count at 0. */
  readonly base: number
  /** Records accepted when a run closed normally; after that, the spool may count from 0 again. */
  readonly takenAtClose?: number
  /** Every record is delivered. */
  readonly isComplete?: boolean
}

/** A hash of the beginning of the file: another content means another load. */
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

/** Returns null if the text was not written by `#write`. */
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

/** Writes and syncs a temporary file, then renames it: a power loss can't leave half a file. */
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
  /** Records that the spool accepted in earlier runs. */
  readonly taken: number
  /** Whether an earlier run delivered every record. */
  readonly isComplete: boolean

  /**
   * `spoolCount` is the number of records that the spool has accepted since it was empty. Throws if
   * the directory belongs to another load.
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
        `--spool ${this.#directory} holds another load: its ${name} is ${JSON.stringify(known)}, ` +
          `got ${JSON.stringify(wanted)}: finish that load, or use another directory`,
      )
    }
    return state
  }

  #readRejected(): Set<number> {
    const text = readText(join(this.#directory, rejectedName)) ?? ''
    return new Set(text.split('\n').filter(Boolean).map(Number))
  }

  /** Writes the state atomically. */
  #write(more: Partial<LoadState>): void {
    const state: LoadState = { load: this.#load, base: this.#base, ...more }
    writeDurably(join(this.#directory, loadName), JSON.stringify(state))
  }

  /** Whether the producer rejected this record of the input. */
  isRejected(line: number): boolean {
    return this.#rejected.has(line)
  }

  /** Must be called before a later record is accepted. */
  addRejected(line: number): void {
    if (this.#rejected.size >= rejectedMax) {
      throw new Failure(
        `A load with --spool must have at most ${rejectedMax} rejected records, got more`,
      )
    }
    this.#rejected.add(line)
    appendFileSync(join(this.#directory, rejectedName), `${line}\n`)
  }

  /** The run ends before the end of the input, and accepts no more records. */
  writeClosed(spoolCount: number): void {
    this.#write({ takenAtClose: this.#base + spoolCount })
  }

  /** Every record is delivered; later counts of the spool are ignored. */
  complete(): void {
    this.#write({ isComplete: true })
  }

  /** Removes both files; the load is complete and the spool is empty. */
  remove(): void {
    for (const name of [rejectedName, loadName])
      rmSync(join(this.#directory, name), { force: true })
  }
}
