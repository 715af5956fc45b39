// A spool is crashed at random moments, again and again, and opened on what is left: whatever was
// reported as durable is there, and what was settled stays settled.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../src/runtime/random.ts'
import type { NumberedBatch } from '../../src/spool/entries.ts'
import type { Spool } from '../../src/spool/spool.ts'
import { contentOf, SpoolStage, textOf } from './spool-kit.ts'

interface KnownRecord {
  readonly topic: string
  readonly partition: number
  readonly timestamp: number
  readonly text: string
}

/** The calls that one run of the spool received, and what it reported as durable. */
class Story {
  readonly #stage: SpoolStage
  readonly #random: () => number
  readonly #kind: 'process' | 'power'
  /** Every record that was ever given to the spool, by id; a lost id is used again. */
  readonly #given = new Map<number, KnownRecord>()
  readonly #taken = new Set<number>()
  readonly #settling = new Set<number>()
  readonly #settled = new Set<number>()
  readonly #numbered = new Map<number, Omit<NumberedBatch, 'time'>>()
  /** Batches whose number is durable, and that were not superseded or settled. */
  readonly #sendable = new Map<number, Omit<NumberedBatch, 'time'>>()
  #spool!: Spool
  #count = 0
  #crashed = false

  constructor(seed: number, kind: 'process' | 'power') {
    this.#stage = new SpoolStage(seed)
    const maxBytes = 40 * 64 * 1024
    const durability = kind === 'power' ? 'machine' : 'process'
    this.#stage.settings = { ...this.#stage.settings, maxBytes, durability }
    const random = seededRandom(seed + 1000)
    this.#random = () => random.next()
    this.#kind = kind
  }

  async live(): Promise<void> {
    for (let life = 0; life < 4; life++) {
      await this.#open()
      await this.#check()
      await this.#act()
    }
    await this.#open()
    await this.#check()
    await this.#stage.run(this.#spool.close())
  }

  /** Recovery itself may be crashed, too. */
  async #open(): Promise<void> {
    const { disk } = this.#stage
    for (let attempt = 0; attempt < 3; attempt++) {
      if (this.#random() < 0.6) break
      let left = 1 + Math.floor(this.#random() * 12)
      this.#crashed = false
      disk.onCall = () => {
        if (--left === 0) this.#crash()
      }
      const opening = this.#stage.startOpening()
      const isOpen = () => this.#crashed
      let opened: Spool | null = null
      opening.then((spool) => {
        opened = spool
      })
      await this.#stage.clock.runUntil(() => isOpen() || opened !== null, 120_000)
      disk.onCall = () => {}
      if (!this.#crashed) this.#crash()
    }
    this.#spool = await this.#stage.open()
  }

  #crash(): void {
    this.#crashed = true
    this.#stage.crash(this.#kind)
  }

  async #act(): Promise<void> {
    this.#crashed = false
    const endAt = this.#stage.clock.now() + this.#random() * 60
    while (this.#stage.clock.now() < endAt) {
      for (let count = this.#random() * 6; count > 0; count--) this.#actOnce()
      await this.#stage.clock.advance(this.#random() * 3)
    }
    this.#crash()
  }

  #actOnce(): void {
    const chance = this.#random()
    if (chance < 0.6) this.#take()
    else if (chance < 0.8) this.#number()
    else if (chance < 0.95) this.#settle()
    else this.#drop()
  }

  #take(): void {
    if (!this.#spool.hasSpace) return
    const size = this.#random() < 0.1 ? 20_000 : 20
    const text = `record ${this.#count++} ${'x'.repeat(this.#random() * size)}`
    const topic = this.#random() < 0.5 ? 'a' : 'bb'
    const partition = Math.floor(this.#random() * 3) - 1
    const timestamp = Math.floor(this.#random() * 2e12)
    const id = this.#spool.take(topic, partition, timestamp, contentOf(text))
    this.#given.set(id, { topic, partition, timestamp, text })
    const alive = this.#spool
    this.#spool.whenWritten((error) => {
      if (error === null && alive === this.#spool) this.#taken.add(id)
    })
  }

  #number(): void {
    const open = [...this.#given.keys()].filter((id) => !this.#settling.has(id))
    const recordIds = open.slice(0, 30).filter(() => this.#random() < 0.3)
    if (recordIds.length === 0) return
    const numbers = { producerId: 7, epoch: 1, baseSequence: Math.floor(this.#random() * 2 ** 31) }
    const batch = { topic: 'a', partition: 1, ...numbers, recordIds }
    const batchId = this.#spool.number(batch)
    // From now on the numbers of batches that share a record with it may count no longer.
    for (const [id, other] of this.#sendable) {
      if (other.recordIds.some((one) => recordIds.includes(one))) this.#sendable.delete(id)
    }
    const whole = { ...batch, batchId }
    this.#numbered.set(batchId, whole)
    this.#spool.whenWritten((error) => {
      const isFree = recordIds.every((id) => !this.#settling.has(id))
      const isLast = [...this.#numbered.values()].every(
        (other) =>
          other.batchId <= batchId || !other.recordIds.some((id) => recordIds.includes(id)),
      )
      if (error === null && isFree && isLast) this.#sendable.set(batchId, whole)
    })
  }

  #settle(): void {
    const [batch] = this.#sendable.values()
    if (batch === undefined) return
    this.#sendable.delete(batch.batchId)
    for (const id of batch.recordIds) this.#settling.add(id)
    this.#spool.settle(batch.batchId, batch.recordIds, () => {
      for (const id of batch.recordIds) this.#settled.add(id)
    })
  }

  #drop(): void {
    const [id] = [...this.#taken].filter((one) => !this.#settling.has(one))
    if (id === undefined) return
    this.#settling.add(id)
    for (const [batchId, batch] of this.#sendable) {
      if (batch.recordIds.includes(id)) this.#sendable.delete(batchId)
    }
    this.#spool.drop([id])
    this.#spool.whenWritten((error) => {
      if (error === null) this.#settled.add(id)
    })
  }

  async #check(): Promise<void> {
    const spool = this.#spool
    for (const id of [...this.#given.keys()]) {
      // What was not durable may be lost; its id is free again.
      if (id >= spool.nextRecordId) this.#forget(id)
    }
    const given = await this.#stage.rest(spool)
    const unsettled = given.filter(({ id }) => !spool.isSettled(id))
    const ids = unsettled.map(({ id }) => id)
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
      'once, in order',
    )
    for (const record of unsettled) {
      const known = this.#given.get(record.id)
      const { topic, partition, timestamp } = record
      assert.deepEqual({ topic, partition, timestamp, text: textOf(record) }, known)
      assert.ok(!this.#settled.has(record.id), `record ${record.id} was settled`)
    }
    for (const id of this.#taken) {
      assert.ok(ids.includes(id) || this.#settling.has(id), `record ${id} is lost`)
    }
    const batches = await this.#stage.run(spool.recoveredBatches())
    for (const { batchId, records, ...batch } of batches) {
      if (batch.baseSequence < 0) continue
      const { time: _, ...numbers } = batch
      assert.deepEqual({ ...numbers, batchId }, this.#numbered.get(batchId))
      assert.deepEqual(
        records.map((record) => [record.id, textOf(record)]),
        batch.recordIds.map((id) => [id, this.#given.get(id)?.text]),
      )
    }
    for (const [batchId, batch] of this.#sendable) {
      const isFound = batches.some((other) => other.batchId === batchId)
      assert.ok(isFound, `batch ${batchId} with ${batch.recordIds} is lost`)
    }
    this.#adopt(ids, batches)
  }

  #forget(id: number): void {
    this.#given.delete(id)
    assert.ok(!this.#taken.has(id), `record ${id} was taken, and is lost`)
    this.#settling.delete(id)
  }

  /** What is unsettled now may be settled by the life that begins. */
  #adopt(unsettled: readonly number[], batches: readonly NumberedBatch[]): void {
    this.#sendable.clear()
    for (const batch of batches) {
      if (batch.baseSequence >= 0) this.#sendable.set(batch.batchId, batch)
    }
    for (const id of unsettled) {
      this.#taken.add(id)
      this.#settling.delete(id)
    }
  }
}

describe('a spool that crashes', () => {
  it('as a process loses nothing that was durable, and keeps what was settled', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      await new Story(seed, 'process').live().catch((error: Error) => {
        throw new Error(`seed ${seed}: ${error.message}`, { cause: error })
      })
    }
  })

  it('with its machine loses nothing that was durable, and keeps what was settled', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      await new Story(seed, 'power').live().catch((error: Error) => {
        throw new Error(`seed ${seed}: ${error.message}`, { cause: error })
      })
    }
  })
})
