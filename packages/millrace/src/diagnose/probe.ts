// One attempt at one address, by the very connection that a producer makes: it measures the steps
// and keeps the connection where it comes up. Callers: way.ts for the options as they are,
// second-look.ts for the opposite of them.

import { Connection } from '../net/connection.ts'
import type { SaslSettings } from '../net/connection-contract.ts'
import { basicRequirements } from '../net/version-requirements.ts'
import { type ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ConnectAddress, Transport } from '../runtime/transport.ts'
import type { Visit } from './visit.ts'

/** How connections are made. */
export interface Way {
  readonly transport: Transport
  readonly sasl: SaslSettings | undefined
  readonly clientId: string
  /** What one step may take. */
  readonly stepTimeoutMs: number
  readonly maxResponseBytes: number
}

/** A step that was entered, and how long it lasted. */
export interface StepTime {
  readonly step: ConnectStep
  readonly ms: number
}

export interface Probe {
  /** What was connected to: an IP address, mostly. */
  readonly host: string
  /** Every step that was entered; the last one may have failed. */
  readonly times: readonly StepTime[]
  /** Ready for requests; null if the probe failed. */
  readonly connection: Connection | null
  readonly error: KafkaError | null
}

export const stepOrder = ['dns', 'tcp', 'tls', 'api-versions', 'sasl'] as const

/** Which step a probe failed in. */
export const failedStepOf = ({ error, times }: Probe): ConnectStep =>
  error?.step ?? times.at(-1)?.step ?? 'tcp'

/** How far it came; a connection that came up is further than any other. */
export const distanceOf = (probe: Probe): number =>
  probe.error === null ? stepOrder.length : stepOrder.indexOf(failedStepOf(probe))

/** Measures the steps of one attempt. */
class StepTimes {
  readonly #clock: Clock
  readonly #times: StepTime[] = []
  #step: ConnectStep = 'tcp'
  #sinceMs: number
  #ended = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  get step(): ConnectStep {
    return this.#step
  }

  get ended(): boolean {
    return this.#ended
  }

  enter(step: ConnectStep): void {
    if (this.#ended) return
    const now = this.#clock.now()
    this.#times.push({ step: this.#step, ms: now - this.#sinceMs })
    this.#step = step
    this.#sinceMs = now
  }

  end(): readonly StepTime[] {
    this.enter(this.#step)
    this.#ended = true
    return this.#times
  }
}

interface Attempt {
  readonly probe: Probe
  /** The peer hung up on ApiVersions, as one may that knows only its oldest version. */
  readonly mayBeOld: boolean
}

const attempt = (
  visit: Visit,
  way: Way,
  address: ConnectAddress,
  name: string,
  versionMax?: number,
): Promise<Attempt> => {
  const times = new StepTimes(visit.clock)
  return new Promise((resolve) => {
    const { stepTimeoutMs, ...options } = way
    const settle = (error: KafkaError | null, ready: Connection | null): void => {
      if (times.ended) return
      const mayBeOld = times.step === 'api-versions' && error?.code === 'CONNECTION_FAILED'
      const { host } = address
      const probe = { host, times: times.end(), error, connection: error === null ? ready : null }
      resolve({ probe, mayBeOld: mayBeOld && visit.over === null })
    }
    const connection: Connection = new Connection(
      {
        ...options,
        clock: visit.clock,
        address,
        name,
        negotiation: { versionMax, requirements: basicRequirements },
        connectTimeoutMs: stepTimeoutMs,
        requestTimeoutMs: stepTimeoutMs,
        connectionsMaxIdleMs: 0,
      },
      {
        onStep: (step) => times.enter(step),
        onReady: () => settle(null, connection),
        onClosed: (why) =>
          settle(why ?? new KafkaError('CONNECTION_LOST', `${name} was closed`), null),
        onMutedChange: () => {},
      },
    )
    visit.hold(connection)
  })
}

/** Never rejects. A peer that hangs up on ApiVersions gets its oldest version, once. */
export const probe = async (
  visit: Visit,
  way: Way,
  address: ConnectAddress,
  name: string,
): Promise<Probe> => {
  const first = await attempt(visit, way, address, name)
  if (!first.mayBeOld) return first.probe
  const second = await attempt(visit, way, address, name, 0)
  return second.probe.error === null ? second.probe : first.probe
}

/** A request over a connection that came up. Rejects with a KafkaError. */
export const ask = <Request, Response>(
  connection: Connection,
  api: Api<Request, Response>,
  request: Input<Request>,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    connection.request(api, request, (error, response) => {
      if (response === null) reject(error)
      else resolve(response)
    })
  })
