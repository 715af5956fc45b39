// The transactions of one producer, one at a time. It owns the state, the partitions that belong to
// the transaction of the moment, and why it can't be committed; it decides when a partition may
// send, and when the coordinator is asked. The engine steps it; batches, numbers and retries are
// not its affair. Whoever begins gets a number: calls that name another transaction are refused.
//
// Two protocols: in version 1 each partition is announced before its first batch, in version 2
// (KIP-890) Produce announces it, and each transaction has an epoch of its own.

import { isRefusal, type KafkaError } from '../protocol/kafka-error.ts'
import { assert } from '../runtime/assert.ts'
import { epochProbe } from './epoch-probe.ts'
import { MarkerPause } from './marker-pause.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type {
  ConsumedOffset,
  GroupMetadata,
  ProducerIdentity,
  TransactionPort,
  TransactionScope,
} from './ports.ts'
import {
  abortable,
  abortedByCaller,
  fencedError,
  isFatal,
  refusesEpoch,
  timedOutError,
  usage,
} from './transaction-errors.ts'
import type { Ending, TransactionDone, TransactionOwner } from './transaction-owner.ts'
import { TransactionPartitions } from './transaction-partitions.ts'
import { assertLegal, isUnderWay, type TransactionState } from './transaction-state.ts'

export class TransactionManager {
  readonly #owner: TransactionOwner
  readonly #port: TransactionPort
  #state: TransactionState = 'uninitialized'
  /** Of the transaction of the moment, or of the last one. */
  #number = 0
  /** The protocol of the transaction of the moment. */
  #version2 = false
  #starting: TransactionDone | null = null
  #ending: Ending | null = null
  readonly #partitions = new TransactionPartitions()
  readonly #pause = new MarkerPause()
  /** Calls to coordinators that belong to the transaction and are not answered. */
  #callsUnderWay = 0
  /** A broker may know of the transaction: it has to be ended there. */
  #reached = false
  /** The coordinator does know of it: from now on only a timeout, or a fence, ends it. */
  #confirmed = false
  /** Everything taken before commit() was called is settled. */
  #flushed = false
  /** Why it can't be committed. */
  #cause: KafkaError | null = null
  #fatalError: KafkaError | null = null
  /** Those who wait for sendOffsets. */
  readonly #callers = new Set<TransactionDone>()
  /** Calls whose callers are told once it is known why our epoch was refused. */
  readonly #refused: (() => void)[] = []

  constructor(owner: TransactionOwner, port: TransactionPort) {
    this.#owner = owner
    this.#port = port
  }

  /** In version 2, Produce requests announce their partitions by themselves. */
  get version2(): boolean {
    return this.#version2
  }

  /** Why the coordinator has not answered yet. */
  get lastError(): KafkaError | null {
    return this.#port.lastError
  }

  /** Begins; `done` is told when records may be sent, and which number the transaction has. */
  begin(done: (error: KafkaError | null, number: number) => void): void {
    if (isUnderWay(this.#state)) {
      done(usage('beginTransaction: a transaction is under way, commit or abort it first'), 0)
      return
    }
    if (this.#starting !== null) {
      done(usage('beginTransaction: another call of it is under way'), 0)
      return
    }
    this.#starting = (error) => done(error, this.#number)
    this.#start()
  }

  /** Whoever called begin() no longer waits. What was asked for goes on. */
  forgetBegin(): void {
    this.#starting = null
  }

  /** Throws unless records may be sent in this transaction. */
  checkOpen(number: number, call: string): void {
    if (number === this.#number && this.#state === 'open') return
    throw this.#refusal(number, call)
  }

  /** The transaction is neither ended nor being ended. */
  isOpen(number: number): boolean {
    if (number !== this.#number) return false
    if (this.#state === 'probing') return this.#ending === null
    return this.#state === 'open' || this.#state === 'failed'
  }

  commit(number: number, done: TransactionDone): void {
    if (!this.isOpen(number)) done(this.#refusal(number, 'commit'))
    else if (this.#state === 'failed') done(this.#notCommitted())
    else if (this.#state === 'probing') this.#ending = { commit: true, done }
    else {
      this.#ending = { commit: true, done }
      this.#flushed = false
      this.#transition('committing')
      this.#owner.flush(() => {
        if (number !== this.#number) return
        this.#flushed = true
        this.#owner.wake()
      })
      this.#owner.wake()
    }
  }

  abort(number: number, done: TransactionDone): void {
    if (!this.isOpen(number)) {
      done(this.#refusal(number, 'abort'))
      return
    }
    this.#ending = { commit: false, done }
    if (this.#state === 'probing') return
    this.#transition('aborting')
    this.#owner.wake()
  }

  /** The producer is gone: whoever waits is told. What is open is left to the coordinator. */
  destroy(error: KafkaError): void {
    if (this.#state === 'fatal') return
    this.#die(error)
  }

  /** The producer closes: what is open is aborted. `done` is told when no transaction is left. */
  finish(done: () => void): void {
    if (this.isOpen(this.#number)) this.abort(this.#number, () => done())
    else if (this.#ending === null) done()
    else {
      const before = this.#ending
      const told: TransactionDone = (error) => {
        before.done(error)
        this.finish(done)
      }
      this.#ending = { ...before, done: told }
    }
  }

  sendOffsets(
    number: number,
    group: GroupMetadata,
    offsets: readonly ConsumedOffset[],
    done: TransactionDone,
  ): void {
    this.checkOpen(number, 'sendOffsets')
    this.#callers.add(done)
    this.#reached = true
    this.#callsUnderWay++
    const scope = this.#scope
    this.#port.sendOffsets(scope, group, offsets, (error) => {
      this.#callsUnderWay--
      if (error === null) this.onAcknowledged(scope)
      else this.#onCallFailed(error, scope)
      const tell = (): void => {
        if (this.#callers.delete(done)) done(error === null ? null : this.#meaningOf(error))
      }
      if (this.#state === 'probing') this.#refused.push(tell)
      else tell()
      this.#owner.wake()
    })
  }

  // ── What the engine says ───────────────────────────────────────────────────────────────────────

  /** Whether the partition's next batch may go out. */
  admits(queue: PartitionQueue): boolean {
    if (this.#state !== 'open' && this.#state !== 'committing') return false
    if (this.#version2) return this.#reached || !this.#pause.holds(this.#owner.host.now())
    if (this.#partitions.has(queue)) return true
    if (this.#partitions.want(queue)) this.#owner.wake()
    return false
  }

  /** Does what may be done now. */
  step(): void {
    switch (this.#state) {
      case 'open':
        this.#announce()
        return
      case 'committing':
        this.#announce()
        if (this.#flushed && this.#callsUnderWay === 0) this.#end(true)
        return
      case 'failed':
        this.#failUnsent()
        return
      case 'aborting':
        this.#failUnsent()
        if (this.#owner.isDrained && this.#callsUnderWay === 0) this.#end(false)
        return
      case 'uninitialized':
      case 'initializing':
      case 'ready':
      case 'ending':
      case 'probing':
      case 'fatal':
        return
      default:
        this.#state satisfies never
    }
  }

  onProduceSent(): void {
    this.#reached = true
  }

  /** A batch is in the log, or more: the coordinator knows of the transaction. */
  onAcknowledged(by: ProducerIdentity): void {
    if (this.#isOurs(by)) this.#confirmed = true
  }

  /** A record failed: without it the transaction is not whole. */
  onRecordFailed(error: KafkaError): void {
    if (this.#state === 'open' || this.#state === 'committing') this.#fail(error)
  }

  /** A record of this transaction was not taken, or its caller gave up on it. */
  onRecordLost(number: number, error: KafkaError): void {
    if (number === this.#number) this.onRecordFailed(error)
  }

  /** A broker refuses our epoch, and not one of before that was given up already. */
  onEpochRefused(error: KafkaError, by: ProducerIdentity): void {
    if (this.#isOurs(by)) this.#probe(error)
  }

  // ── The identity ───────────────────────────────────────────────────────────────────────────────

  #start(): void {
    switch (this.#state) {
      case 'fatal':
        this.#tellStarter(this.#fatalError)
        return
      case 'uninitialized':
        this.#initialize()
        return
      case 'initializing':
        return
      case 'ready':
        // The cluster was upgraded since: the change of protocol needs an epoch of its own.
        if (this.#port.version2 && !this.#version2) {
          this.#transition('uninitialized')
          this.#initialize()
        } else this.#open()
        return
      default:
        assert(false, `no transaction starts while one is ${this.#state}`)
    }
  }

  #initialize(): void {
    this.#transition('initializing')
    this.#port.initProducerId(this.#owner.sequencer.identity, (error, identity) => {
      if (this.#state !== 'initializing') return
      if (identity === null) this.#onNotInitialized(error!)
      else {
        this.#owner.sequencer.onIdentity(identity)
        this.#version2 = this.#port.version2
        this.#transition('ready')
        if (this.#starting !== null) this.#open()
      }
    })
  }

  #onNotInitialized(error: KafkaError): void {
    if (refusesEpoch(error)) {
      this.#die(fencedError(error))
      return
    }
    this.#transition('uninitialized')
    this.#tellStarter(error)
  }

  #open(): void {
    this.#transition('open')
    this.#number++
    this.#cause = null
    this.#reached = false
    this.#confirmed = false
    this.#partitions.clear()
    this.#tellStarter(null)
  }

  #isOurs({ producerId, epoch }: ProducerIdentity): boolean {
    const { identity } = this.#owner.sequencer
    return producerId === identity.producerId && epoch === identity.epoch
  }

  #tellStarter(error: KafkaError | null): void {
    const starting = this.#starting
    this.#starting = null
    starting?.(error)
  }

  get #scope(): TransactionScope {
    return { ...this.#owner.sequencer.identity, version2: this.#version2 }
  }

  // ── The life of a transaction ──────────────────────────────────────────────────────────────────

  #transition(next: TransactionState): void {
    assertLegal(this.#state, next)
    this.#owner.measurements.onTransaction(this.#state, next, this.#fatalError ?? this.#cause)
    this.#state = next
  }

  /** Version 1: tells the coordinator of the partitions that wait to send. */
  #announce(): void {
    const partitions = this.#partitions.take()
    if (partitions.length === 0) return
    this.#reached = true
    this.#callsUnderWay++
    const scope = this.#scope
    this.#port.addPartitions(scope, partitions, (error) => {
      this.#callsUnderWay--
      this.#partitions.end(error === null)
      if (error === null) {
        this.onAcknowledged(scope)
        this.#owner.offerAll()
      } else this.#onCallFailed(error, scope)
      this.#owner.wake()
    })
  }

  #onCallFailed(error: KafkaError, by: ProducerIdentity): void {
    if (this.#state === 'fatal') return
    if (refusesEpoch(error)) this.onEpochRefused(error, by)
    else if (isFatal(error) && !isRefusal(error)) this.#die(error)
    else if (this.#state === 'open' || this.#state === 'committing') this.#fail(error)
  }

  #fail(cause: KafkaError): void {
    this.#cause = cause
    this.#transition('failed')
    this.#owner.wake()
    this.#tellCommitFailed()
  }

  #tellCommitFailed(): void {
    const ending = this.#ending
    this.#ending = null
    ending?.done(this.#notCommitted())
  }

  #failUnsent(): void {
    if (!this.#owner.isDrained) this.#owner.failUnsent(this.#abortedError())
  }

  #end(commit: boolean): void {
    if (!this.#reached) {
      this.#complete()
      return
    }
    this.#transition('ending')
    this.#port.end(this.#scope, commit, (error, next) => {
      if (this.#state !== 'ending') return
      if (error !== null) this.#onNotEnded(error, commit)
      else {
        if (next !== null) this.#owner.sequencer.onIdentity(next)
        if (this.#version2) this.#pauseSends()
        this.#complete()
      }
    })
  }

  #pauseSends(): void {
    const { host, deadlines } = this.#owner
    this.#pause.begin(host.now(), deadlines, () => this.#owner.offerAll())
  }

  #onNotEnded(error: KafkaError, commit: boolean): void {
    // Ended by an attempt that had no answer, it says nothing of who took the epoch behind ours
    // (version 2 would have recognised a repeated call).
    const isDoubtful = error.persisted === 'maybe' && !this.#version2
    if (refusesEpoch(error) && isDoubtful) this.#die(fencedError(error))
    else if (refusesEpoch(error)) this.#probe(error)
    else if (isFatal(error) && (commit || !isRefusal(error))) this.#die(error)
    else if (commit) this.#fail(error)
    else {
      // Whatever the coordinator makes of it: under the next epoch nothing of it is left.
      this.#transition('uninitialized')
      this.#tellEnded()
    }
  }

  #complete(): void {
    // A number that was given out and never written is a gap: only a new epoch begins at 0 again.
    this.#transition(this.#owner.sequencer.hasGap ? 'uninitialized' : 'ready')
    this.#tellEnded()
  }

  #tellEnded(): void {
    const ending = this.#ending
    this.#ending = null
    ending?.done(null)
  }

  // ── The end of an epoch ────────────────────────────────────────────────────────────────────────

  /** Our epoch was refused: it is asked, without disturbing anybody, who took it. */
  #probe(error: KafkaError): void {
    if (this.#state === 'probing' || !isUnderWay(this.#state)) return
    const probe = epochProbe(this.#port, {
      scope: this.#scope,
      isKnown: this.#confirmed,
      wasEnding: this.#state === 'ending',
    })
    if (probe === null) {
      this.#die(fencedError(error))
      return
    }
    this.#transition('probing')
    this.#cause = error
    probe((failure, identity) => {
      if (this.#state === 'probing') this.#onProbed(error, failure, identity)
    })
  }

  #onProbed(
    refusal: KafkaError,
    failure: KafkaError | null,
    identity: ProducerIdentity | null,
  ): void {
    if (identity === null) {
      this.#die(refusesEpoch(failure!) ? fencedError(refusal) : failure!)
      return
    }
    const { sequencer } = this.#owner
    const isSame = this.#isOurs(identity)
    sequencer.onIdentity(identity)
    // What was sent under it may still be on its way, and must not come into the next transaction.
    if (isSame) sequencer.onGap(identity)
    this.#reached = false
    this.#confirmed = false
    this.#cause = timedOutError(refusal)
    this.#owner.wake()
    if (this.#ending !== null && !this.#ending.commit) this.#transition('aborting')
    else {
      this.#transition('failed')
      this.#tellCommitFailed()
    }
    for (const tell of this.#refused.splice(0)) tell()
  }

  #die(error: KafkaError): void {
    this.#fatalError = error
    this.#transition('fatal')
    this.#owner.failEverything(error)
    this.#tellStarter(error)
    const ending = this.#ending
    this.#ending = null
    ending?.done(error)
    for (const done of this.#callers) done(error)
    this.#callers.clear()
  }

  // ── Words ──────────────────────────────────────────────────────────────────────────────────────

  /** Why a call can't be had now. */
  #refusal(number: number, call: string): KafkaError {
    if (this.#fatalError !== null) return this.#fatalError
    const isOurs = number === this.#number && isUnderWay(this.#state)
    if (!isOurs) return usage(`${call}: the transaction has ended`)
    if (this.#state === 'failed' || this.#state === 'probing') return this.#abortedError()
    return usage(`${call}: the transaction is being ended`)
  }

  /** What ends a producer elsewhere, as what it turned out to be; any other error as it is. */
  #meaningOf(error: KafkaError): KafkaError {
    return this.#fatalError ?? (error.kind === 'fatal' ? this.#abortedError() : error)
  }

  #abortedError(): KafkaError {
    const cause = this.#cause
    if (cause === null) return abortedByCaller()
    return abortable('the transaction has failed and must be aborted', cause)
  }

  #notCommitted(): KafkaError {
    return abortable('the transaction was not committed, and must be aborted', this.#cause!)
  }
}
