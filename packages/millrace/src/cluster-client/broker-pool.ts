// Owns all links of a cluster, one for each node of the metadata and one for each bootstrap address
// in use, and the nodes' addresses. Callers: Metadata reports the nodes, BrokerSearch requests
// candidates, Cluster reads links and nodes and closes the pool. Invariant: a bootstrap link whose
// address a node advertises becomes the link of that node, so the first connection is used further.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { Address } from '../runtime/transport.ts'
import { formatAddress, sameAddress } from './address.ts'
import { type LinkEvents, NodeLink } from './broker-link.ts'
import type { LinkOptions } from './link-contract.ts'

export interface PoolEvents extends LinkEvents {
  /** The pool closed the link in an earlier turn: the cluster has no such node any more. */
  onDropped(link: NodeLink, error: KafkaError): void
  /** All nodes are forgotten: the next metadata may come from another cluster. */
  onStartedOver?(): void
}

/** One node in metadata. */
export interface NodeAddress extends Address {
  readonly nodeId: number
  /** Missing if the response does not contain it. */
  readonly rack?: string | null
}

export interface NodeStatus extends Address {
  readonly nodeId: number
  /** Requests may be sent to it now. */
  readonly ready: boolean
  /** There is a connection, even if a throttle time forbids requests now. */
  readonly connected: boolean
  readonly inFlight: number
  readonly lastError: KafkaError | null
}

export class BrokerPool {
  readonly #bootstrap: readonly Address[]
  readonly #options: LinkOptions
  readonly #events: PoolEvents
  /** The nodes of the latest metadata response, and those that leader hints named since then. */
  readonly #nodes = new Map<number, Address>()
  /** The racks of the nodes that have one. */
  readonly #racks = new Map<number, string>()
  /** The links of the known nodes, and of removed nodes while requests are in flight. */
  readonly #links = new Map<number, NodeLink>()
  /** Links of bootstrap addresses, by `host:port`. */
  readonly #bootstrapLinks = new Map<string, NodeLink>()
  /** Connections of links that were removed. */
  #connectionsOpenedBefore = 0
  #clusterId: string | null = null
  #closed = false

  constructor(bootstrap: readonly Address[], options: LinkOptions, events: PoolEvents) {
    this.#bootstrap = bootstrap
    this.#options = { ...options, clusterId: () => this.#clusterId }
    this.#events = events
  }

  /** The link of a node; undefined if the node is not known. */
  link(nodeId: number): NodeLink | undefined {
    return this.#nodes.has(nodeId) ? this.#links.get(nodeId) : undefined
  }

  rackOf(nodeId: number): string | null {
    return this.#racks.get(nodeId) ?? null
  }

  hasNode(nodeId: number): boolean {
    return this.#nodes.has(nodeId)
  }

  get nodeCount(): number {
    return this.#nodes.size
  }

  /** Links of the known nodes. */
  nodeLinks(): NodeLink[] {
    const links: NodeLink[] = []
    for (const nodeId of this.#nodes.keys()) {
      const link = this.#links.get(nodeId)
      if (link !== undefined) links.push(link)
    }
    return links
  }

  /** Links of the bootstrap addresses, except addresses of known nodes. */
  bootstrapLinks(): NodeLink[] {
    if (this.#closed) return []
    const links: NodeLink[] = []
    for (const address of this.#bootstrap) {
      const key = formatAddress(address).toLowerCase()
      let link = this.#bootstrapLinks.get(key)
      if (link === undefined) {
        if (this.#isNodeAddress(address)) continue
        link = new NodeLink(-1, address, null, this.#options, this.#events)
        this.#bootstrapLinks.set(key, link)
      }
      links.push(link)
    }
    return links
  }

  /** Every link that can send a request now. */
  readyLinks(): NodeLink[] {
    const links: NodeLink[] = []
    for (const link of this.#links.values()) {
      if (link.ready && this.#nodes.has(link.nodeId)) links.push(link)
    }
    for (const link of this.#bootstrapLinks.values()) {
      if (link.ready) links.push(link)
    }
    return links
  }

  /** Replaces the known nodes by those of a Metadata response from `source`. */
  replaceNodes(nodes: readonly NodeAddress[], clusterId: string | null, source: NodeLink): void {
    this.#clusterId = clusterId
    const advertisedBy = source.nodeId < 0 ? `bootstrap ${source.name}` : source.name
    // If an id is listed twice, the last address counts, as in the Java client.
    const listed = new Map(nodes.map((node) => [node.nodeId, node]))
    for (const nodeId of [...this.#nodes.keys()]) {
      if (listed.has(nodeId)) continue
      this.#nodes.delete(nodeId)
      this.#racks.delete(nodeId)
    }
    for (const node of listed.values()) this.#putNode(node, advertisedBy)
    this.#dropUnlistedLinks()
  }

  /** Adds a node that a leader hint named. */
  putNode(node: NodeAddress, advertisedBy: string): void {
    this.#putNode(node, advertisedBy)
  }

  /**
   * Forgets the nodes and closes every connection: the client starts again at the bootstrap
   * addresses. Used when a broker requests it, and after a long time without metadata.
   */
  startOver(error: KafkaError): void {
    this.#nodes.clear()
    this.#racks.clear()
    this.#clusterId = null
    this.#events.onStartedOver?.()
    for (const link of [...this.#links.values(), ...this.#bootstrapLinks.values()]) {
      this.#drop(link, error)
    }
    this.#links.clear()
    this.#bootstrapLinks.clear()
  }

  /** Closes the bootstrap connections once a node is connected. */
  releaseBootstrapLinks(): void {
    for (const [key, link] of this.#bootstrapLinks) {
      if (!link.connected || link.inFlight > 0) continue
      this.#bootstrapLinks.delete(key)
      this.#connectionsOpenedBefore += link.connectionsOpened
      link.close()
    }
  }

  nodes(): NodeStatus[] {
    return [...this.#nodes].map(([nodeId, address]) => {
      const link = this.#links.get(nodeId)
      return {
        nodeId,
        host: address.host,
        port: address.port,
        ready: link?.ready ?? false,
        connected: link?.connected ?? false,
        inFlight: link?.inFlight ?? 0,
        lastError: link?.lastError ?? null,
      }
    })
  }

  /** Connections that became ready so far, including those of removed links. */
  get connectionsOpened(): number {
    let count = this.#connectionsOpenedBefore
    for (const link of this.#links.values()) count += link.connectionsOpened
    for (const link of this.#bootstrapLinks.values()) count += link.connectionsOpened
    return count
  }

  /** Connections that are open now. */
  get connections(): number {
    let count = 0
    for (const link of this.#links.values()) if (link.connected) count++
    for (const link of this.#bootstrapLinks.values()) if (link.connected) count++
    return count
  }

  close(error?: KafkaError): void {
    this.#closed = true
    for (const link of this.#links.values()) link.close(error)
    for (const link of this.#bootstrapLinks.values()) link.close(error)
  }

  #putNode(node: NodeAddress, advertisedBy: string): void {
    const { nodeId, host, port, rack } = node
    if (rack === null) this.#racks.delete(nodeId)
    else if (rack !== undefined) this.#racks.set(nodeId, rack)
    const known = this.#nodes.get(nodeId)
    if (known !== undefined && sameAddress(known, node)) return
    const address = { host, port }
    this.#nodes.set(nodeId, address)
    const link = this.#links.get(nodeId)
    if (link !== undefined) {
      link.moveTo(address, advertisedBy)
      return
    }
    this.#links.set(
      nodeId,
      this.#adoptBootstrapLink(nodeId, address) ??
        new NodeLink(nodeId, address, advertisedBy, this.#options, this.#events),
    )
  }

  #adoptBootstrapLink(nodeId: number, address: Address): NodeLink | undefined {
    const key = formatAddress(address).toLowerCase()
    const link = this.#bootstrapLinks.get(key)
    if (link === undefined) return undefined
    this.#bootstrapLinks.delete(key)
    link.adopt(nodeId)
    // As the link of a node it has not been reported as ready yet.
    this.#options.clock.setImmediate(() => {
      if (!this.#closed && link.ready) this.#events.onReady(link)
    })
    return link
  }

  #isNodeAddress(address: Address): boolean {
    for (const node of this.#nodes.values()) {
      if (sameAddress(node, address)) return true
    }
    return false
  }

  /**
   * Removes the links of nodes that metadata no longer lists, once nothing is in flight on them.
   */
  #dropUnlistedLinks(): void {
    for (const [nodeId, link] of this.#links) {
      if (this.#nodes.has(nodeId) || link.inFlight > 0) continue
      this.#links.delete(nodeId)
      this.#drop(link, new KafkaError('CONNECTION_LOST', `${link.name} left the cluster`))
    }
  }

  #drop(link: NodeLink, error: KafkaError): void {
    const wasIdle = link.idle
    this.#connectionsOpenedBefore += link.connectionsOpened
    link.close(error)
    if (wasIdle) return
    this.#options.clock.setImmediate(() => {
      if (!this.#closed) this.#events.onDropped(link, error)
    })
  }
}
