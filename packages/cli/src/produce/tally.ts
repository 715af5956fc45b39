// Counts the records that were taken, and those of them that failed, by what became of them. The
// loop that reads and the producer's failures tell it; the report reads it.

import { KafkaError, printableText } from 'millrace'
import type { Mishap } from './dead-letter.ts'
import { invalidRecordRemedy } from './line-error.ts'

/** A failure, and which record of the input it was, where that is known. */
export interface FailureExample {
  readonly message: string
  readonly line: number | null
}

/** Failures with the same code and `persisted`; message and line are the first one's. */
export interface FailureGroup extends FailureExample {
  readonly code: string
  readonly persisted: 'no' | 'maybe'
  readonly remedy: string
  /** Some of the others, each with a message of its own. */
  readonly others: readonly FailureExample[]
  count: number
}

/** A wrong file has a wrong line in every line. */
const othersMax = 4

const addExample = (group: FailureGroup, example: FailureExample): void => {
  const others = group.others as FailureExample[]
  if (example.line === null || others.length >= othersMax) return
  const isKnown = [group, ...others].some(({ message }) => message === example.message)
  if (!isKnown) others.push(example)
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
    const { code, persisted } = mishap
    const message = printableText(mishap.message)
    const name = `${code} ${persisted}`
    const known = this.#groups.get(name)
    if (known !== undefined) {
      known.count++
      addExample(known, { message, line })
      return
    }
    const remedy = mishap instanceof KafkaError ? mishap.remedy : invalidRecordRemedy
    this.#groups.set(name, { code, persisted, remedy, message, line, others: [], count: 1 })
  }

  #sum(isWanted: (group: FailureGroup) => boolean): number {
    let sum = 0
    for (const group of this.#groups.values()) if (isWanted(group)) sum += group.count
    return sum
  }
}
