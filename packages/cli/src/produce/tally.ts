// Counts the records that were taken, and those of them that failed, by what became of them. The
// loop that reads and the producer's failures tell it; the report reads it.

import { KafkaError } from 'millrace'
import type { Mishap } from './dead-letter.ts'
import { invalidRecordRemedy } from './line-error.ts'

/** Failures with the same code and the same fate. */
export interface FailureGroup {
  readonly code: string
  readonly persisted: 'no' | 'maybe'
  readonly remedy: string
  /** The first one's words, and the record it was. */
  readonly message: string
  readonly line: number | null
  count: number
}

export class Tally {
  /** Records that were made of the input, those that failed at once included. */
  taken = 0
  readonly #groups = new Map<string, FailureGroup>()

  get failed(): number {
    return this.#sum(() => true)
  }

  /** Failed records that may be in the log all the same. */
  get failedMaybe(): number {
    return this.#sum(({ persisted }) => persisted === 'maybe')
  }

  get groups(): readonly FailureGroup[] {
    return [...this.#groups.values()].sort((one, other) => other.count - one.count)
  }

  /** `line`: which record of the input it was, where that is known. */
  fail(mishap: Mishap, line: number | null): void {
    const { code, persisted, message } = mishap
    const name = `${code} ${persisted}`
    const known = this.#groups.get(name)
    if (known !== undefined) {
      known.count++
      return
    }
    const remedy = mishap instanceof KafkaError ? mishap.remedy : invalidRecordRemedy
    this.#groups.set(name, { code, persisted, remedy, message, line, count: 1 })
  }

  #sum(isWanted: (group: FailureGroup) => boolean): number {
    let sum = 0
    for (const group of this.#groups.values()) if (isWanted(group)) sum += group.count
    return sum
  }
}
