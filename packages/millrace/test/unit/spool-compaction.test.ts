// Files of a spool that few records keep: their records are copied, and the files are removed.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { NumberedBatch } from '../../src/spool/entries.ts'
import { segmentName } from '../../src/spool/format.ts'
import type { Spool } from '../../src/spool/spool.ts'
import { SpoolScan } from '../../src/spool/spool-scan.ts'
import { contentOf, directory, SpoolStage, textOf } from './spool-kit.ts'

const kib = 1024
const first = `${directory}/${segmentName(1)}`

/** Small files: 64 KiB each. */
const stageOf = (seed = 1): SpoolStage => {
  const stage = new SpoolStage(seed)
  stage.settings = { ...stage.settings, maxBytes: kib * kib }
  return stage
}

/** A record that goes to the engine at once. */
const take = (spool: Spool, text: string): number => {
  const id = spool.take('orders', 0, 1_700_000_000_000, contentOf(text))
  spool.backlog.moveTo(id + 1)
  return id
}

const numbers = { topic: 'orders', partition: 0, producerId: 7, epoch: 1, baseSequence: 5 }

const written = (spool: Spool): Promise<void> =>
  new Promise((resolve, reject) => {
    spool.whenWritten((error) => (error === null ? resolve() : reject(error)))
  })

/** Fills a file with records that are settled, and one that waits. */
const filled = async (spool: Spool, waiting: string): Promise<number> => {
  const id = take(spool, waiting)
  const others = Array.from({ length: 8 }, () => take(spool, 'x'.repeat(8 * kib)))
  await written(spool)
  spool.drop(others)
  await written(spool)
  return id
}

const fill = (stage: SpoolStage, spool: Spool, waiting: string): Promise<number> =>
  stage.run(filled(spool, waiting))

const texts = (count: number): string[] => Array.from({ length: count }, (_, n) => `waits ${n}`)

const left = async (stage: SpoolStage, spool: Spool): Promise<string[]> =>
  (await stage.rest(spool)).filter(({ id }) => !spool.isSettled(id)).map(textOf)

describe('the oldest file of a spool', () => {
  it('is removed when few of its records wait: the log keeps them, in order', async () => {
    const stage = stageOf()
    const spool = await stage.open()
    const all = texts(40)
    for (const text of all) {
      await fill(stage, spool, text)
      await stage.clock.advance(1050)
      assert.ok(spool.metrics().bytes < 8 * 64 * kib, `${spool.metrics().bytes} bytes`)
    }
    assert.ok(!stage.disk.paths().includes(first))
    assert.equal(spool.metrics().records, 40)
    assert.ok(spool.metrics().oldestMs >= 40 * 1050, 'the age is that of the record')
    const files = stage.disk.mount()
    const { settled, nextId } = await stage.run(new SpoolScan(files, directory).states())
    const seen: string[] = []
    const look = async (): Promise<void> => {
      for await (const record of new SpoolScan(files, directory).records()) {
        if (record.id < nextId && !settled.has(record.id)) seen.push(textOf(record))
      }
    }
    await stage.run(look())
    assert.deepEqual(seen.sort(), [...all].sort(), 'a scan finds each of them once')
    for (const kind of ['process', 'power', 'process'] as const) {
      stage.crash(kind)
      assert.deepEqual(await left(stage, await stage.open()), all)
    }
  })

  it('is removed together with numbers that were copied: with their time', async () => {
    const stage = stageOf()
    const spool = await stage.open()
    const id = await fill(stage, spool, 'no response')
    const time = stage.clock.wallTime()
    const batchId = spool.number({ ...numbers, recordIds: [id] })
    stage.batches = [{ ...numbers, batchId, time, recordIds: [id] }]
    for (const text of texts(10)) {
      await fill(stage, spool, text)
      await stage.clock.advance(1050)
    }
    assert.ok(!stage.disk.paths().includes(first))
    stage.crash()
    const next = await stage.open()
    const [batch] = await stage.run(next.recoveredBatches())
    assert.deepEqual(
      { ...batch, records: batch?.records.map(textOf) },
      { ...numbers, batchId, time, recordIds: [id], records: ['no response'] },
    )
    next.settle(batchId, [id])
    await stage.written(next)
    stage.crash()
    assert.deepEqual(await left(stage, await stage.open()), texts(10))
  })

  it('stays while the log says more of its records than can be copied', async () => {
    const stage = stageOf()
    stage.batches = null
    const spool = await stage.open()
    for (const text of texts(10)) await fill(stage, spool, text)
    await stage.clock.advance(1000)
    assert.ok(stage.disk.paths().includes(first))
    await stage.run(spool.close())
  })

  it('stays while it holds records that the engine does not have', async () => {
    const stage = stageOf()
    const spool = await stage.open()
    spool.backlog.moveTo = () => {}
    for (const text of texts(10)) await fill(stage, spool, text)
    await stage.clock.advance(1000)
    assert.ok(stage.disk.paths().includes(first))
  })

  it('may lose records to their results meanwhile: they do not come back', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const stage = stageOf(seed)
      const spool = await stage.open()
      const ids: number[] = []
      for (const text of texts(5)) ids.push(await fill(stage, spool, text))
      const batch: NumberedBatch = { ...numbers, batchId: 0, time: 0, recordIds: [ids[0]!] }
      const batchId = spool.number(batch)
      stage.batches = [{ ...batch, batchId }]
      await fill(stage, spool, 'last')
      await stage.clock.advance(995 + seed)
      spool.settle(batchId, [ids[0]!])
      stage.batches = []
      spool.drop([ids[1]!])
      await stage.written(spool)
      await stage.clock.advance(seed % 2 === 0 ? 0 : 100)
      stage.crash()
      const expected = [...texts(5).slice(2), 'last']
      assert.deepEqual(await left(stage, await stage.open()), expected, `seed ${seed}`)
    }
  })

  it('and its copies lose nothing where the process or the machine ends at any call', async () => {
    let crashes = 0
    for (const kind of ['process', 'power'] as const) {
      for (let call = 1; ; call++) {
        const stage = stageOf(call)
        const filling = await stage.open()
        const all = texts(6)
        const id = await fill(stage, filling, all[0]!)
        const batch = { ...numbers, recordIds: [id] }
        const batchId = filling.number(batch)
        stage.batches = [{ ...batch, batchId, time: 0 }]
        for (const text of all.slice(1)) await fill(stage, filling, text)
        let calls = call
        let hasCrashed = false
        stage.disk.onCall = () => {
          if (--calls !== 0) return
          hasCrashed = true
          stage.crash(kind)
        }
        await stage.clock.advance(1050)
        stage.disk.onCall = () => {}
        if (!hasCrashed) break
        crashes++
        const spool = await stage.open()
        const batches = await stage.run(spool.recoveredBatches())
        assert.equal(batches[0]?.batchId, batchId, `${kind}, call ${call}`)
        const found = (await left(stage, spool)).filter((text) => text.startsWith('waits'))
        assert.deepEqual(found, all, `${kind}, call ${call}`)
        await stage.run(spool.close())
      }
    }
    assert.ok(crashes > 10, `${crashes} crashes`)
  })
})
