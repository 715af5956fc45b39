// Injects the faults of a plan, each at its time, and removes each one when its time is over.

import type { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import type { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import type { Address } from '../../src/runtime/transport.ts'
import type { Agenda } from './agenda.ts'
import type { Journal } from './journal.ts'
import type { Plan } from './plan.ts'
import type { FaultStep } from './plan-faults.ts'
import type { WatchedTransport } from './watched-transport.ts'

export interface FaultWorld {
  readonly plan: Plan
  readonly agenda: Agenda
  readonly cluster: TestCluster
  readonly network: MemoryNetwork
  readonly transport: WatchedTransport
  readonly journal: Journal
  trace(text: string): void
  onOddity(text: string): void
}

const addressOf = (text: string): Address => {
  const [host = '', port = ''] = text.split(':')
  return { host, port: Number(port) }
}

const nothing = (): void => {}

export class InjectedFaults {
  readonly #world: FaultWorld
  readonly #undo = new Set<() => void>()
  /** How many faults were injected. */
  count = 0

  constructor(world: FaultWorld) {
    this.#world = world
  }

  run(step: FaultStep): void {
    this.count++
    this.#world.trace(`fault    ${describe(step)}`)
    const undo = this.#begin(step)
    if (undo === nothing) return
    const once = (): void => {
      if (!this.#undo.delete(once)) return
      this.#world.trace(`healed   ${describe(step)}`)
      undo()
    }
    this.#undo.add(once)
    this.#world.agenda.after(step.forMs, once)
  }

  /** Removes all faults. */
  end(): void {
    for (const undo of [...this.#undo]) undo()
    this.#world.cluster.removeFaults()
    this.#world.trace('calm     nothing goes wrong from here on')
  }

  #begin(step: FaultStep): () => void {
    const { cluster, network, transport } = this.#world
    switch (step.kind) {
      case 'rule': {
        const fault = cluster.fault(step.rule)
        return () => fault.remove()
      }
      case 'stopNode':
        return this.#stop(step.node, step.elsewhere)
      case 'freezeNode': {
        const node = cluster.node(step.node)
        node.blackHole(true)
        return () => node.blackHole(false)
      }
      case 'disconnect':
        cluster.node(step.node).disconnectAll()
        return nothing
      case 'network':
        return this.#hold(addressOf(cluster.node(step.node).address), step.what)
      case 'cut':
        network.cut(addressOf(cluster.node(step.node).address), { inFlight: step.inFlight })
        return nothing
      case 'dns':
        transport.dns = step.what
        return () => {
          transport.dns = 'good'
        }
      case 'moveLeader':
        this.#moveLeader(step.topic, step.partition, step.node)
        return nothing
      case 'forget':
        this.#forget([step.topic])
        return nothing
      case 'expireIds':
        this.#forget(cluster.topics)
        return nothing
      case 'remakeTopic':
        return this.#remake(step.topic)
      case 'shiftState':
        this.#shiftState(step.topic, step.partition, step.what)
        return nothing
      default:
        return step satisfies never
    }
  }

  #stop(id: number, elsewhere: boolean): () => void {
    const node = this.#world.cluster.node(id)
    if (!node.running) return nothing
    this.#watch(node.stop())
    return () => {
      if (!node.running) this.#watch(node.start(elsewhere ? { port: 0 } : {}))
    }
  }

  #hold(address: Address, what: string): () => void {
    const { network } = this.#world
    switch (what) {
      case 'toHeld':
        network.blackHole(address, 'toAddress')
        break
      case 'fromHeld':
        network.blackHole(address, 'fromAddress')
        break
      case 'refuse':
        network.refuse(address)
        break
      case 'strand':
        network.silenceStreams(address)
        return nothing
      case 'pause':
        network.pause(address)
        return () => network.resume(address)
      default:
        network.blackHole(address)
    }
    return () => network.endOutage(address)
  }

  #moveLeader(topic: string, partition: number, nodeId: number): void {
    const { cluster } = this.#world
    if (!cluster.topics.includes(topic) || !cluster.node(nodeId).running) return
    if (partition < cluster.partitions(topic).length) cluster.moveLeader(topic, partition, nodeId)
  }

  #forget(topics: readonly string[]): void {
    const { cluster, journal } = this.#world
    for (const topic of topics) {
      if (!cluster.topics.includes(topic)) continue
      cluster.forgetProducers(topic)
      for (const index of cluster.partitions(topic).keys()) journal.addForgetting(topic, index)
    }
  }

  #remake(topic: string): () => void {
    const { cluster, plan } = this.#world
    if (!cluster.topics.includes(topic)) return nothing
    const partitions = cluster.partitions(topic).length
    const { config } = plan.topics.find(({ name }) => name === topic)!
    cluster.deleteTopic(topic)
    return () => {
      // A client's question may have made it meanwhile.
      if (!cluster.topics.includes(topic)) cluster.createTopic(topic, { partitions, config })
    }
  }

  /** As after an unclean election, or where a producer of the same id continued elsewhere. */
  #shiftState(topic: string, index: number, what: 'sequence' | 'epoch'): void {
    const { journal, cluster } = this.#world
    const partition = journal.topic(topic)?.partitions[index]
    if (partition === undefined || !cluster.topics.includes(topic)) return
    const last = journal.lastBatch(partition)
    if (last === undefined || last.producerId < 0) return
    const shifted =
      what === 'epoch'
        ? { producerEpoch: last.epoch + 1, baseSequence: 1_000_000 }
        : { producerEpoch: last.epoch, baseSequence: last.lastSequence + 1000 }
    const batch = { producerId: last.producerId, recordCount: 1, ...shifted }
    partition.producers.record(batch, 0, -1)
    journal.addForgetting(topic, index)
  }

  #watch(promise: Promise<void>): void {
    promise.catch((error) => this.#world.onOddity(`the cluster failed: ${String(error)}`))
  }
}

const describe = (step: FaultStep): string => {
  const { kind, atMs: _at, forMs, ...rest } = step
  const span = forMs > 0 ? ` for ${forMs} ms` : ''
  return `${kind}${span} ${JSON.stringify(rest)}`
}
