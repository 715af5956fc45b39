// Counts the records that were passed to the producer, and the failed ones by code and `persisted`.
// sending.ts and the producer's onError add to it; report.ts and perf/ read it. Its memory is
// bounded: each group keeps a few examples.

import { KafkaError, printableText } from 'millrace'
import type { FailureDetails } from './dead-letter.ts'
import { invalidRecordRemedy } from './line-error.ts'

/** A failure, and the number of its input record if that is known. */
export interface FailureExample {
  readonly message: string
  readonly line: number | null
}

/** Failures with the same code and `persisted`; message and line are those of the first one. */
export interface FailureGroup extends FailureExample {
  readonly code: string
  readonly persisted: 'no' | 'maybe'
  readonly remedy: string
  /** Some of the other failures, each with a different message. */
  readonly others: readonly FailureExample[]
  count: number
}

/** In a file of the wrong format every line fails, so the number of examples is limited. */
const othersMax = 4

const addExample = (group: FailureGroup, example: FailureExample): void => {
  const others = group.others as FailureExample[]
  if (example.line === null || others.length >= othersMax) return
  const isKnown = [group, ...others].some(({ message }) => message === example.message)
  if (!isKnown) others.push(example)
}

export class RecordCounts {
  /** Records made from the input, including those that failed at once. */
  taken = 0
  readonly #groups = new Map<string, FailureGroup>()

  get failed(): number {
    return this.#sum(() => true)
  }

  /** Failed records that may be in the log. */
  get failedMaybe(): number {
    return this.#sum(({ persisted }) => persisted === 'maybe')
  }

  get groups(): readonly FailureGroup[] {
    return [...this.#groups.values()].sort((one, other) => other.count - one.count)
  }

  /** `line`: the number of the input record, if that is known. */
  fail(failure: FailureDetails, line: number | null): void {
    const { code, persisted } = failure
    const message = printableText(failure.message)
    const name = `${code} ${persisted}`
    const known = this.#groups.get(name)
    if (known !== undefined) {
      known.count++
      addExample(known, { message, line })
      return
    }
    const remedy = failure instanceof KafkaError ? failure.remedy : invalidRecordRemedy
    this.#groups.set(name, { code, persisted, remedy, message, line, others: [], count: 1 })
  }

  #sum(isWanted: (group: FailureGroup) => boolean): number {
    let sum = 0
    for (const group of this.#groups.values()) if (isWanted(group)) sum += group.count
    return sum
  }
}
