// Resolves the name of one address and connects to every IP address of the name concurrently. A
// producer needs only one that works, but the others are reported too, because they delay
// connections and other clients may use them. Callers: address-steps.ts, diagnosis.ts,
// metadata-step.ts, and failure-facts.ts.

import { describeNetworkError } from '../net/connection-messages.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Address } from '../runtime/transport.ts'
import { isError } from '../runtime/value-kinds.ts'
import type { DiagnosisRun } from './diagnosis-run.ts'
import { distanceOf, type Probe, type ProbeOptions, probe } from './probe.ts'

/** The result of the DNS step. */
export interface Resolved {
  readonly address: Address
  /** The name in messages: `broker.example:9092 (node 1)`. */
  readonly name: string
  readonly dnsMs: number
  /** The IP addresses of the name; empty if it could not be resolved. */
  readonly hosts: readonly string[]
}

export interface ProbedAddress extends Resolved {
  /** The attempt that came furthest; null if the name could not be resolved. */
  readonly best: Probe | null
  readonly others: readonly Probe[]
  /** Why no connection was established; null if one was. */
  readonly error: KafkaError | null
}

/** The maximum number of addresses of one name that are tried. */
const hostsMax = 16

const dnsError = (thrown: unknown, name: string): KafkaError => {
  const isOurs = thrown instanceof KafkaError
  const reason = isOurs || !isError(thrown) ? thrown : describeNetworkError(thrown)
  const message = reason instanceof KafkaError ? reason.message : String(reason)
  const cause = isOurs ? undefined : thrown
  return new KafkaError('CONNECTION_FAILED', message, { broker: name, step: 'dns', cause })
}

const resolve = async (
  run: DiagnosisRun,
  { transport, stepTimeoutMs }: ProbeOptions,
  host: string,
): Promise<readonly string[]> => {
  const responses = transport.resolve(host)
  const hosts = await run.within(responses, stepTimeoutMs, 'no response of the name server')
  if (hosts.length === 0) {
    throw Object.assign(new Error('the name has no address'), { code: 'ENOTFOUND' })
  }
  return hosts.slice(0, hostsMax)
}

/** Never rejects. `onResolved` is called after the DNS step, before any connection is opened. */
export const probeAddress = async (
  run: DiagnosisRun,
  probeOptions: ProbeOptions,
  address: Address,
  name: string,
  onResolved?: (resolved: Resolved) => void,
): Promise<ProbedAddress> => {
  const sinceMs = run.clock.now()
  const base = { address, name }
  let hosts: readonly string[]
  try {
    hosts = await resolve(run, probeOptions, address.host)
  } catch (thrown) {
    const dnsMs = run.clock.now() - sinceMs
    return { ...base, dnsMs, hosts: [], best: null, others: [], error: dnsError(thrown, name) }
  }
  const dnsMs = run.clock.now() - sinceMs
  onResolved?.({ ...base, dnsMs, hosts })
  const probes = await Promise.all(
    hosts.map((host) =>
      probe(run, probeOptions, { host, port: address.port, hostName: address.host }, name),
    ),
  )
  // The first of the attempts that came furthest, in the order in which a producer tries them.
  const best = probes.reduce((far, one) => (distanceOf(one) > distanceOf(far) ? one : far))
  const others = probes.filter((one) => one !== best)
  return { ...base, dnsMs, hosts, best, others, error: best.error }
}
