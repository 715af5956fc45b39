// Faults on purpose: the rules that a test sets on the cluster, and which of them strike a request.
// node-connection.ts asks `strike` once per request and carries out what has to do with time and
// the connection; the api handlers ask the answer, per partition, whether they must fail. All rules
// that match a request strike it; of two errors for the same partition the older rule's is taken.

import { KafkaError } from '../protocol/kafka-error.ts'
import { errorCodeOf } from './api-error.ts'

/** A request as a rule's `when` sees it. */
export interface RequestView {
  /** `Produce`, `Fetch`, `Metadata`, … */
  readonly api: string
  /** The version of the request. */
  readonly version: number
  /** Id of the node that got it. */
  readonly node: number
  /** The client's id; null where it named none. */
  readonly clientId: string | null
  /** Who the client authenticated as; null where it did not. */
  readonly principal: string | null
  /** Which partitions it names; those of a topic as a whole have partition -1. */
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
 * One fault: what it strikes, and what happens then. Several things may happen together: a delay
 * and then an error, say.
 *
 * @example
 * // The next two requests for partition 0 are written, but their answers are lost.
 * const place = { topic: 'orders', partition: 0 }
 * cluster.fault({ api: 'Produce', ...place, count: 2, drop: true, at: 'after' })
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
  /** How many requests it strikes; 1 by default, Infinity until it is removed. */
  readonly count?: number | undefined
  /** Only requests for which this answers true. */
  readonly when?: ((request: RequestView) => boolean) | undefined
  /**
   * `before` (default): nothing is written, the request is not carried out. `after`: it is, and
   * then the fault happens.
   */
  readonly at?: 'before' | 'after' | undefined

  /** Kafka's name or number of an error that is answered, for the named topic or partition only. */
  readonly error?: string | number | undefined
  /**
   * No answer comes, and as on a real connection, none to the requests behind it either. With
   * `before` those behind it are not carried out, with `after` they are.
   */
  readonly drop?: boolean | undefined
  /** The connection is closed without an answer. */
  readonly close?: boolean | undefined
  /** The request waits this long (`before`) or its answer does (`after`), and all behind it. */
  readonly delayMs?: number | undefined
  /** The answer says that the client is throttled, and the connection is not read for as long. */
  readonly throttleMs?: number | undefined
}

/** A fault that was set. */
export interface Fault {
  /** How many requests it has struck. */
  readonly hits: number
  /** No request is struck from now on. Twice is harmless. */
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
export interface Strike {
  readonly closes: FaultMoment | null
  readonly drops: FaultMoment | null
  readonly delayBeforeMs: number
  readonly delayAfterMs: number
  readonly throttleMs: number
  /** The error for a partition, or for the request as a whole where nothing is named; 0 = none. */
  errorAt(moment: FaultMoment, topic?: string, partition?: number): number
}

/** The strike of no rule at all. */
export const noStrike: Strike = {
  closes: null,
  drops: null,
  delayBeforeMs: 0,
  delayAfterMs: 0,
  throttleMs: 0,
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
  const namesPlace = rule.topic !== undefined || rule.partition !== undefined
  if (namesPlace && !request.targets.some((at) => names(rule, at.topic, at.partition))) return false
  return rule.when === undefined || rule.when(request)
}

const combine = (struck: readonly ActiveFault[]): Strike => {
  const momentOf = (has: (rule: FaultRule) => boolean): FaultMoment | null => {
    const found = struck.filter((fault) => has(fault.rule))
    if (found.some((fault) => fault.moment === 'before')) return 'before'
    return found.length > 0 ? 'after' : null
  }
  const delayAt = (moment: FaultMoment): number =>
    struck
      .filter((fault) => fault.moment === moment)
      .reduce((sum, fault) => sum + (fault.rule.delayMs ?? 0), 0)
  return {
    closes: momentOf((rule) => rule.close === true),
    drops: momentOf((rule) => rule.drop === true),
    delayBeforeMs: delayAt('before'),
    delayAfterMs: delayAt('after'),
    throttleMs: Math.max(0, ...struck.map((fault) => fault.rule.throttleMs ?? 0)),
    errorAt: (moment, topic, partition = -1) => {
      for (const fault of struck) {
        if (fault.moment !== moment || fault.errorCode === 0) continue
        if (topic === undefined || names(fault.rule, topic, partition)) return fault.errorCode
      }
      return 0
    },
  }
}

const checkRule = (rule: FaultRule, knownApis: readonly string[]): void => {
  const problems: string[] = []
  const { api, count = 1, delayMs = 0, throttleMs = 0 } = rule
  if (api !== undefined && !knownApis.includes(api)) {
    problems.push(`api: there is no ${JSON.stringify(api)}, but ${knownApis.join(', ')}`)
  }
  if (!(count > 0)) problems.push(`count: ${count} is not more than 0`)
  if (!(delayMs >= 0)) problems.push(`delayMs: ${delayMs} is not a time`)
  if (!(throttleMs >= 0)) problems.push(`throttleMs: ${throttleMs} is not a time`)
  if (
    rule.error === undefined &&
    !rule.drop &&
    !rule.close &&
    rule.delayMs === undefined &&
    rule.throttleMs === undefined
  ) {
    problems.push('one of error, drop, close, delayMs and throttleMs says what happens')
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

  /** How many rules may still strike. */
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
  strike(request: RequestView): Strike {
    if (this.#active.size === 0) return noStrike
    const struck: ActiveFault[] = []
    for (const fault of this.#active) {
      if (!matches(fault.rule, request)) continue
      struck.push(fault)
      fault.hits++
      fault.left--
      if (fault.left <= 0) this.#active.delete(fault)
    }
    return struck.length === 0 ? noStrike : combine(struck)
  }

  removeAll(): void {
    this.#active.clear()
  }
}
