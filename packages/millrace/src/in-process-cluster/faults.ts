// Faults: the rules that a test sets on the cluster, and which of them apply to a request.
// node-connection.ts calls `effectsOn` once per request, and applies delays and what happens to the
// connection; the api handlers look, per partition, whether they must fail. All rules that match a
// request apply to it; of two errors for the same partition the older rule's is used.

import { KafkaError } from '../protocol/kafka-error.ts'
import { errorCodeOf } from './api-error.ts'
import { type MalformedKind, malformedKinds } from './malformed-response.ts'

/** A request as a rule's `when` sees it. */
export interface RequestView {
  /** `Produce`, `Fetch`, `Metadata`, … */
  readonly api: string
  /** The version of the request. */
  readonly version: number
  /** Id of the node that got it. */
  readonly node: number
  /** The client's id; null if it named none. */
  readonly clientId: string | null
  /** The authenticated user; null = the client did not authenticate. */
  readonly principal: string | null
  /** The partitions that the request names; partition -1 = the topic as a whole. */
  readonly targets: readonly FaultTarget[]
  /** Which transactional ids it names. */
  readonly transactionalIds: readonly string[]
  /** The decoded request, its fields named as in Kafka's protocol, in camelCase. */
  readonly body: unknown
}

/** A partition that a request names. */
export interface FaultTarget {
  /** The topic's name. */
  readonly topic: string
  /** Its number; -1 = the topic as a whole. */
  readonly partition: number
}

/**
 * One fault: what it applies to, and what happens then. Several things may happen together: a delay
 * and then an error, for example.
 *
 * @example
 * // The next two requests for partition 0 are written, but their responses are lost.
 * const target = { topic: 'orders', partition: 0 }
 * cluster.fault({ api: 'Produce', ...target, count: 2, drop: true, at: 'after' })
 */
export interface FaultRule {
  /** Any api by default. */
  readonly api?: string | undefined
  /** Any node by default. */
  readonly node?: number | undefined
  /** Only requests that name this topic. */
  readonly topic?: string | undefined
  /** Only requests that name this partition (of `topic`, if one is given). */
  readonly partition?: number | undefined
  /** Only requests that name this transactional id. */
  readonly transactionalId?: string | undefined
  /** How many requests it affects; 1 by default, Infinity until it is removed. */
  readonly count?: number | undefined
  /** Only requests for which this returns true. */
  readonly when?: ((request: RequestView) => boolean) | undefined
  /**
   * `before` (default): nothing is written, the request is not carried out. `after`: it is, and
   * then the fault happens.
   */
  readonly at?: 'before' | 'after' | undefined

  /** Kafka's name or number of the error in the response, for the named topic or partition only. */
  readonly error?: string | number | undefined
  /**
   * No response comes, and as on a real connection, none to the requests behind it either. With
   * `before` those behind it are not carried out, with `after` they are.
   */
  readonly drop?: boolean | undefined
  /** The connection is closed without a response. */
  readonly close?: boolean | undefined
  /** The request waits this long (`before`) or its response does (`after`), and all behind it. */
  readonly delayMs?: number | undefined
  /** The response reports this throttle time, and the connection is not read for as long. */
  readonly throttleMs?: number | undefined
  /**
   * The request is carried out (`at` must be `after`), and no client can read the response: `huge`,
   * it announces 2 GiB; `truncated`, its second half is missing; `garbage`, its counts and lengths
   * are past its end.
   */
  readonly malformed?: MalformedKind | undefined
}

/** A fault that was set. */
export interface Fault {
  /** How many requests it has affected. */
  readonly hits: number
  /** Affects no further request. A second call does nothing. */
  remove(): void
}

export type FaultMoment = 'before' | 'after'

interface ActiveFault {
  readonly rule: FaultRule
  readonly moment: FaultMoment
  readonly errorCode: number
  left: number
  hits: number
}

/** What a test gets to hold. */
class FaultHandle implements Fault {
  readonly #fault: ActiveFault
  readonly #remove: () => void

  constructor(fault: ActiveFault, remove: () => void) {
    this.#fault = fault
    this.#remove = remove
  }

  get hits(): number {
    return this.#fault.hits
  }

  remove(): void {
    this.#remove()
  }
}

/** What happens to one request. */
export interface FaultEffects {
  readonly closes: FaultMoment | null
  readonly drops: FaultMoment | null
  readonly delayBeforeMs: number
  readonly delayAfterMs: number
  /** What the response reports as its throttle time. */
  readonly throttleTimeMs: number
  /** How long the connection is not read after the response. */
  readonly muteMs: number
  /** How the response is damaged; null = it is not. */
  readonly malformed: MalformedKind | null
  /** The error for a partition, or for the request as a whole where nothing is named; 0 = none. */
  errorAt(moment: FaultMoment, topic?: string, partition?: number): number
}

/** The effects if no rule applies. */
export const noEffects: FaultEffects = {
  closes: null,
  drops: null,
  delayBeforeMs: 0,
  delayAfterMs: 0,
  throttleTimeMs: 0,
  muteMs: 0,
  malformed: null,
  errorAt: () => 0,
}

const names = (rule: FaultRule, topic: string, partition: number): boolean =>
  (rule.topic === undefined || rule.topic === topic) &&
  (rule.partition === undefined || partition === -1 || rule.partition === partition)

const matches = (rule: FaultRule, request: RequestView): boolean => {
  if (rule.api !== undefined && rule.api !== request.api) return false
  if (rule.node !== undefined && rule.node !== request.node) return false
  const { transactionalId } = rule
  if (transactionalId !== undefined && !request.transactionalIds.includes(transactionalId)) {
    return false
  }
  const namesTarget = rule.topic !== undefined || rule.partition !== undefined
  if (namesTarget && !request.targets.some((at) => names(rule, at.topic, at.partition)))
    return false
  return rule.when === undefined || rule.when(request)
}

const combine = (matching: readonly ActiveFault[]): FaultEffects => {
  const momentOf = (has: (rule: FaultRule) => boolean): FaultMoment | null => {
    const found = matching.filter((fault) => has(fault.rule))
    if (found.some((fault) => fault.moment === 'before')) return 'before'
    return found.length > 0 ? 'after' : null
  }
  const delayAt = (moment: FaultMoment): number =>
    matching
      .filter((fault) => fault.moment === moment)
      .reduce((sum, fault) => sum + (fault.rule.delayMs ?? 0), 0)
  const throttleMs = Math.max(0, ...matching.map((fault) => fault.rule.throttleMs ?? 0))
  return {
    closes: momentOf((rule) => rule.close === true),
    drops: momentOf((rule) => rule.drop === true),
    delayBeforeMs: delayAt('before'),
    delayAfterMs: delayAt('after'),
    throttleTimeMs: throttleMs,
    muteMs: throttleMs,
    malformed: matching.find(({ rule }) => rule.malformed !== undefined)?.rule.malformed ?? null,
    errorAt: (moment, topic, partition = -1) => {
      for (const fault of matching) {
        if (fault.moment !== moment || fault.errorCode === 0) continue
        if (topic === undefined || names(fault.rule, topic, partition)) return fault.errorCode
      }
      return 0
    },
  }
}

const malformedProblems = ({ malformed, at }: FaultRule): string[] => {
  if (malformed === undefined) return []
  if (!malformedKinds.includes(malformed)) {
    const got = JSON.stringify(malformed)
    return [`malformed must be one of ${malformedKinds.join(', ')}, got ${got}`]
  }
  const text = `at must be 'after' with malformed, got ${JSON.stringify(at ?? 'before')}`
  return at === 'after' ? [] : [text]
}

const checkRule = (rule: FaultRule, knownApis: readonly string[]): void => {
  const problems: string[] = []
  const { api, count = 1, delayMs = 0, throttleMs = 0 } = rule
  if (api !== undefined && !knownApis.includes(api)) {
    problems.push(`api must be one of ${knownApis.join(', ')}, got ${JSON.stringify(api)}`)
  }
  if (!(count > 0)) problems.push(`count must be more than 0, got ${count}`)
  if (!(delayMs >= 0)) problems.push(`delayMs must be 0 or more milliseconds, got ${delayMs}`)
  if (!(throttleMs >= 0))
    problems.push(`throttleMs must be 0 or more milliseconds, got ${throttleMs}`)
  problems.push(...malformedProblems(rule))
  if (
    rule.error === undefined &&
    !rule.drop &&
    !rule.close &&
    rule.delayMs === undefined &&
    rule.throttleMs === undefined &&
    rule.malformed === undefined
  ) {
    problems.push('a fault must have one of error, drop, close, delayMs, throttleMs and malformed')
  }
  if (problems.length > 0) {
    throw new KafkaError('INVALID_ARGUMENT', `Bad fault: ${problems.join('; ')}`)
  }
}

export class Faults {
  readonly #knownApis: readonly string[]
  readonly #active = new Set<ActiveFault>()

  constructor(knownApis: readonly string[]) {
    this.#knownApis = knownApis
  }

  /** How many rules may still apply. */
  get size(): number {
    return this.#active.size
  }

  add(rule: FaultRule): Fault {
    checkRule(rule, this.#knownApis)
    const fault: ActiveFault = {
      rule: { ...rule },
      moment: rule.at ?? 'before',
      errorCode: rule.error === undefined ? 0 : errorCodeOf(rule.error),
      left: rule.count ?? 1,
      hits: 0,
    }
    this.#active.add(fault)
    return new FaultHandle(fault, () => this.#active.delete(fault))
  }

  /** Counts the request against each rule that matches it. */
  effectsOn(request: RequestView): FaultEffects {
    if (this.#active.size === 0) return noEffects
    const matching: ActiveFault[] = []
    for (const fault of this.#active) {
      if (!matches(fault.rule, request)) continue
      matching.push(fault)
      fault.hits++
      fault.left--
      if (fault.left <= 0) this.#active.delete(fault)
    }
    return matching.length === 0 ? noEffects : combine(matching)
  }

  removeAll(): void {
    this.#active.clear()
  }
}
