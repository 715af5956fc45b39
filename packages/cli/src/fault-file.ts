// Reads the file of `millrace cluster --faults`: fault rules as a JSON array, or one JSON rule a
// line. FaultFile reads it again after a change and at SIGHUP, and replaces the rules of the
// cluster. If the new content is invalid, the current rules must stay. Callers: cluster-command.ts
// and console/.

import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { FaultRule, TestCluster } from 'millrace/testing'
import { describeFailure, Failure } from './describe-failure.ts'
import { didYouMean } from './nearest-name.ts'
import { type Terminal, writeLine } from './runtime/terminal.ts'

const watchIntervalMs = 250

const fields = [
  'api',
  'node',
  'topic',
  'partition',
  'count',
  'at',
  'error',
  'drop',
  'close',
  'delayMs',
  'throttleMs',
  'malformed',
]

const ruleOf = (value: unknown, place: string): FaultRule => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const got = JSON.stringify(value)
    throw new Failure(`${place} must be an object with the fields of a fault, got ${got}`)
  }
  for (const name of Object.keys(value)) {
    if (!fields.includes(name)) {
      throw new Failure(`${place}: unknown field '${name}'${didYouMean(name, fields)}`)
    }
  }
  const { count, ...rule } = value as Record<string, unknown>
  if (count === undefined) return rule as FaultRule
  // JSON can't express Infinity.
  const number = count === 'forever' ? Number.POSITIVE_INFINITY : count
  if (typeof number !== 'number') {
    throw new Failure(`${place}: count must be a number or "forever", got ${JSON.stringify(count)}`)
  }
  return { ...rule, count: number } as FaultRule
}

const parseJson = (text: string, place: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Failure(`${place} must be JSON: ${(error as Error).message}`)
  }
}

/** Parses fault rules: an array, or one rule a line. `path` is used in error messages. */
export const parseFaults = (text: string, path: string): readonly FaultRule[] => {
  if (text.trimStart().startsWith('[')) {
    const rules = parseJson(text, path) as readonly unknown[]
    return rules.map((rule, index) => ruleOf(rule, `${path}, rule ${index + 1}`))
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    const place = `${path}, line ${index + 1}`
    return line.trim() === '' ? [] : [ruleOf(parseJson(line, place), place)]
  })
}

/** Watches the file and replaces the cluster's rules; invalid content keeps the current rules. */
export class FaultFile {
  readonly #path: string
  readonly #cluster: TestCluster
  readonly #terminal: Terminal
  #rules: readonly FaultRule[] = []
  #text = ''
  #reading: Promise<void> = Promise.resolve()
  #stopWatching: () => void = () => {}

  constructor(path: string, cluster: TestCluster, terminal: Terminal) {
    this.#path = path
    this.#cluster = cluster
    this.#terminal = terminal
  }

  /** The number of rules as text: `2 rules`. */
  get rulesText(): string {
    return this.#count('rule')
  }

  /** Reads the file for the first time; throws if it is invalid. */
  async start(): Promise<void> {
    await this.#read()
    const again = (): void => this.#readAgain(false)
    const forgetHangup = this.#terminal.onHangup(() => this.#readAgain(true))
    watchFile(this.#path, { interval: watchIntervalMs, persistent: false }, again)
    this.#stopWatching = () => {
      forgetHangup()
      unwatchFile(this.#path, again)
    }
  }

  stop(): void {
    this.#stopWatching()
  }

  /**
   * `isRequested`: set the rules again even if the file is unchanged, because rules may be used up.
   */
  #readAgain(isRequested: boolean): void {
    this.#reading = this.#reading.then(async () => {
      try {
        if (!(await this.#read(isRequested))) return
        writeLine(this.#terminal.output, `${this.#path} was read again: ${this.#count('fault')}.`)
      } catch (error) {
        const reason = describeFailure(error)
        writeLine(this.#terminal.errors, `The faults did not change: ${reason}`)
      }
    })
  }

  #count(noun: string): string {
    const { length } = this.#rules
    return `${length} ${noun}${length === 1 ? '' : 's'}`
  }

  async #read(isRequested = true): Promise<boolean> {
    const text = await this.#load()
    if (!isRequested && text === this.#text) return false
    this.#apply(parseFaults(text, this.#path))
    this.#text = text
    return true
  }

  async #load(): Promise<string> {
    try {
      return await readFile(this.#path, 'utf8')
    } catch (error) {
      throw new Failure(`The faults can't be read: ${(error as Error).message}`)
    }
  }

  #apply(rules: readonly FaultRule[]): void {
    const set = (list: readonly FaultRule[]): void => {
      this.#cluster.removeFaults()
      for (const rule of list) this.#cluster.fault(rule)
    }
    try {
      set(rules)
      this.#rules = rules
    } catch (error) {
      set(this.#rules)
      throw error
    }
  }
}
