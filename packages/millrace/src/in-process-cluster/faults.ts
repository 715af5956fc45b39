// The fault rules that a test sets, and the effects that they have on a request. node-connection.ts
// calls `effectsOn` once per request, and applies delays and connection faults; the api handlers
// look up the error of each partition. All rules that match a request apply; of two errors for a
// partition the older rule's is used. in-process-cluster.ts owns the rules.

import { KafkaError } from '../protocol/kafka-error.ts'
import { errorCodeOf } from './api-error.ts'
import { type MalformedKind, malformedKinds } from './malformed-response.ts'

/** A request, as the function `when` of a rule receives it. */
export interface RequestView {
  /** `Produce`, `Fetch`, `Metadata`, … */
  readonly api: string
  /** The version of the request. */
  readonly version: number
  /** Id of the node that received it. */
  readonly node: number
  /** The client's id; null if the client sent none. */
  readonly clientId: string | null
  /** The authenticated user; null = the client is not authenticated. */
  readonly principal: string | null
  /** The partitions that the request names; partition -1 = the topic as a whole. */
  readonly targets: readonly FaultTarget[]
  /** The transactional ids that the request names. */
  readonly transactionalIds: readonly string[]
  /** The decoded request; its fields have the names of Kafka's protocol, in camelCase. */
  readonly body: unknown
}

/** A partition that a request names. */
export interface FaultTarget {
  /** The topic's name. */
  readonly topic: string
  /** The partition's number; -1 = the topic as a whole. */
  readonly partition: number
}

/**
 * One fault: the requests that it applies to, and its effects. A rule may have several effects,
 * such as a delay and an error.
 *
 * @example
 * // The next two requests for partition 0 are written, but their responses are lost.
 * const target = { topic: 'orders', partition: 0 }
 * cluster.fault({ api: 'Produce', ...target, count: 2, drop: true, at: 'after' })
 */
export interface FaultRule {
  /** The name of the API; any by default. */
  readonly api?: string | undefined
  /** The id of the node; any by default. */
  readonly node?: number | undefined
  /** Only requests that name this topic. */
  readonly topic?: string | undefined
  /** Only requests that name this partition (of `topic`, if one is given). */
  readonly partition?: number | undefined
  /** Only requests that name this transactional id. */
  readonly transactionalId?: string | undefined
  /** The number of requests; 1 by default. Infinity = until the rule is removed. */
  readonly count?: number | undefined
  /** Only requests for which this returns true. */
  readonly when?: ((request: RequestView) => boolean) | undefined
  /**
   * `before` (default): the request is not carried out, so nothing is written. `after`: the request
   * is carried out, and then the fault happens.
   */
  readonly at?: 'before' | 'after' | undefined

  /** Kafka's name or number of the error in the response, for the named topic or partition only. */
  readonly error?: string | number | undefined
  /**
   * No response is sent, neither to this request nor to later ones on the connection. With `before`
   * the later requests are not carried out; with `after` they are.
   */
  readonly drop?: boolean | undefined
  /** Closes the connection without a response. */
  readonly close?: boolean | undefined
  /**
   * Delays the request (`before`) or its response (`after`), and all later ones on the connection.
   */
  readonly delayMs?: number | undefined
  /** The throttle time in the response; no request is read from the connection for this time. */
  readonly throttleMs?: number | undefined
  /**
   * The request is carried out (`at` must be `after`), but no client can read the response. `huge`:
   * its size field is 2 GiB. `truncated`: its second half is missing. `garbage`: its counts and
   * lengths exceed its size.
   */
  readonly malformed?: MalformedKind | undefined
}

/** A fault rule that was set. */
export interface Fault {
  /** The number of requests that it has affected. */
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

/** The object that a test receives for a rule. */
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

/** The effects of all matching rules on one request. */
export interface FaultEffects {
  readonly closes: FaultMoment | null
  readonly drops: FaultMoment | null
  readonly delayBeforeMs: number
  readonly delayAfterMs: number
  /** The throttle time in the response. */
  readonly throttleTimeMs: number
  /** How long no request is read from the connection after the response. */
  readonly muteMs: number
  /** How the response is damaged; null = it is not damaged. */
  readonly malformed: MalformedKind | null
  /** The error of a partition, or of the whole request if no topic is given; 0 = none. */
  errorAt(moment: FaultMoment, topic?: string, partition?: number): number
}

/** The effects if no rule matches. */
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
    throw new KafkaError('INVALID_ARGUMENT', `Invalid fault: ${problems.join('; ')}`)
  }
}

export class Faults {
  readonly #knownApis: readonly string[]
  readonly #active = new Set<ActiveFault>()

  constructor(knownApis: readonly string[]) {
    this.#knownApis = knownApis
  }

  /** The number of rules that may still apply. */
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
