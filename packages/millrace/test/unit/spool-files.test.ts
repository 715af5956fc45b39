// What can happen to a spool's directory and its disk, each with its result.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatVersion, segmentName } from '../../src/spool/format.ts'
import type { Spool } from '../../src/spool/spool.ts'
import { contentOf, directory, isError, SpoolStage, textOf } from './spool-kit.ts'

const first = `${directory}/${segmentName(1)}`

const take = (spool: Spool, text: string): number =>
  spool.take('orders', 0, 1_700_000_000_000, contentOf(text))

/** A spool that took records one block each, and whose process crashed. */
const crashedWith = async (...texts: string[]): Promise<SpoolStage> => {
  const stage = new SpoolStage()
  const spool = await stage.open()
  for (const text of texts) {
    take(spool, text)
    await stage.written(spool)
  }
  stage.crash()
  return stage
}

const recovered = async (stage: SpoolStage): Promise<string[]> =>
  (await stage.rest(await stage.open())).map(textOf)

describe('the files of a spool', () => {
  it('are gone after a close without unsettled records', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open()
    const id = take(spool, 'a')
    spool.settle(spool.number(batchOf([id])), [id], () => {})
    await stage.run(spool.close())
    assert.deepEqual(stage.disk.paths(), [])
    assert.equal(stage.clock.pendingTimers, 0)
  })

  it('keep unsettled records over a close', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open()
    take(spool, 'a')
    take(spool, 'b')
    await stage.run(spool.close())
    assert.deepEqual(await recovered(stage), ['a', 'b'])
  })

  it('with a torn end lose the torn block, and nothing else', async () => {
    const stage = await crashedWith('a', 'b', 'c')
    const content = stage.disk.content(first)
    stage.disk.replace(first, content.subarray(0, content.length - 1))
    assert.deepEqual(await recovered(stage), ['a', 'b'])
    const offset = content.lastIndexOf('mrBS')
    const what = `${content.length - 1 - offset} bytes of ${segmentName(1)}, from byte ${offset} on`
    assert.equal(stage.warnings.length, 1)
    assert.match(stage.warnings[0]!, new RegExp(`spool ${directory}: ${what}, were cut off: `))
  })

  it('with a torn header of the last file lose that file', async () => {
    const stage = await crashedWith('a')
    stage.disk.replace(first, stage.disk.content(first).subarray(0, 20))
    assert.deepEqual(await recovered(stage), [])
    assert.match(
      stage.warnings.join(),
      /: 20 bytes of 00000001\.spool, from byte 0 on, were cut off/,
    )
  })

  it('with damage before a whole block are refused: file and byte are named', async () => {
    const stage = await crashedWith('a', 'b', 'c')
    const content = Buffer.from(stage.disk.content(first))
    const at = content.lastIndexOf('b')
    content[at]! ^= 1
    stage.disk.replace(first, content)
    const blockStart = content.lastIndexOf('mrBS', at)
    const pattern = new RegExp(`00000001\\.spool: damaged at byte ${blockStart}:`)
    await assert.rejects(stage.open(), isError('SPOOL_DAMAGED', pattern))
  })

  it('with one missing in the middle are refused', async () => {
    const stage = new SpoolStage()
    stage.settings = { ...stage.settings, maxBytes: 1024 * 1024 }
    const spool = await stage.open()
    for (let count = 0; count < 3; count++) {
      take(spool, 'x'.repeat(60_000))
      await stage.written(spool)
    }
    stage.crash()
    stage.disk.delete(`${directory}/${segmentName(2)}`)
    const pattern = /00000002\.spool: damaged at byte 0: the file is missing/
    await assert.rejects(stage.open(), isError('SPOOL_DAMAGED', pattern))
  })

  it('of a newer format are refused, and left as they are', async () => {
    const stage = await crashedWith('a')
    const content = Buffer.from(stage.disk.content(first))
    content.writeUInt16BE(formatVersion + 1, 16)
    const { crc32c } = await import('../../src/protocol/records/crc.ts')
    content.writeUInt32BE(crc32c(content.subarray(0, 44)), 44)
    stage.disk.replace(first, content)
    const pattern = /format version must be 1, got 2: a newer millrace wrote it/
    await assert.rejects(stage.open(), isError('SPOOL_FAILED', pattern))
    assert.deepEqual(stage.disk.content(first), content)
  })

  it('removed while they are in use end the spool', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open()
    take(spool, 'a')
    await stage.written(spool)
    stage.disk.delete(first)
    await stage.clock.advance(1500)
    take(spool, 'b')
    await assert.rejects(
      stage.written(spool),
      isError('SPOOL_FAILED', /00000001\.spool: the file was removed while it was in use/),
    )
    assert.equal(stage.failures.length, 1)
  })

  it('that are removed while a process reads what is behind them disturb nothing', async () => {
    const stage = new SpoolStage()
    stage.settings = { ...stage.settings, maxBytes: 1024 * 1024 }
    const first = await stage.open()
    for (let count = 0; count < 4; count++) {
      take(first, `${count} ${'x'.repeat(60_000)}`)
      await stage.written(first)
    }
    stage.crash()
    const spool = await stage.open()
    const reading = spool.backlog.read()
    // As a batch of the process before does, which goes out first.
    spool.drop([0, 1, 2])
    await stage.written(spool)
    await stage.clock.advance(100)
    assert.equal((await reading)[0]?.id, 0)
    spool.backlog.moveTo(1)
    assert.deepEqual(
      (await stage.rest(spool)).map(({ id }) => id),
      [3],
    )
  })

  it('are removed from the oldest on, when all of their records are settled', async () => {
    const stage = new SpoolStage()
    stage.settings = { ...stage.settings, maxBytes: 1024 * 1024 }
    const spool = await stage.open()
    const ids: number[] = []
    for (let count = 0; count < 4; count++) {
      ids.push(take(spool, 'x'.repeat(60_000)))
      await stage.written(spool)
    }
    spool.drop([ids[1]!, ids[2]!])
    await stage.written(spool)
    await stage.clock.advance(100)
    assert.ok(stage.disk.paths().includes(first), 'the oldest has an unsettled record')
    spool.drop([ids[0]!])
    await stage.written(spool)
    await stage.clock.advance(100)
    const left = stage.disk.paths().filter((path) => path.endsWith('.spool'))
    assert.deepEqual(left, [`${directory}/${segmentName(4)}`])
  })
})

const batchOf = (recordIds: number[]) => ({
  topic: 'orders',
  partition: 0,
  producerId: 1,
  epoch: 0,
  baseSequence: 0,
  recordIds,
})

describe('the disk of a spool', () => {
  it('takes no more than maxBytes, and records again when there is space', async () => {
    const stage = new SpoolStage()
    stage.settings = { ...stage.settings, maxBytes: 1024 * 1024 }
    const spool = await stage.open()
    const ids: number[] = []
    while (spool.hasSpace) {
      ids.push(take(spool, 'x'.repeat(50_000)))
      await stage.written(spool)
    }
    const { bytes } = spool.metrics()
    assert.ok(bytes >= 1024 * 1024 && bytes < 1024 * 1024 + 60_000, `${bytes} bytes`)
    assert.equal(stage.warnings.length, 1, 'it warned once')
    stage.progress = 0
    spool.drop(ids.slice(0, 10))
    await stage.written(spool)
    await stage.clock.advance(100)
    assert.ok(stage.progress > 0, 'the owner was notified')
    assert.ok(spool.hasSpace)
  })

  it('gets the entry that settles a batch with the next record, or a little later', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open()
    let writes = 0
    stage.disk.failing = (operation, path) => {
      if (operation === 'write' && path.endsWith('.spool')) writes++
      return null
    }
    for (let count = 1; count <= 5; count++) {
      const id = take(spool, 'a')
      const batchId = spool.number(batchOf([id]))
      await stage.written(spool)
      spool.settle(batchId, [id])
      assert.equal(writes, count)
    }
    assert.equal(spool.metrics().records, 1)
    await stage.clock.advance(20)
    assert.equal(writes, 6)
    assert.equal(spool.metrics().records, 0)
  })

  it('that is full refuses records, settles others, and goes on when there is space', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open()
    const id = take(spool, 'a')
    await stage.written(spool)
    stage.disk.capacityBytes = stage.disk.usedBytes + 10
    take(spool, 'b')
    await stage.written(spool)
    assert.equal(spool.isDiskFull, true)
    assert.equal(spool.hasSpace, false)
    assert.match(stage.warnings.join(), /the disk is full .*records are refused/)
    let isSettled = false
    spool.settle(spool.number(batchOf([id])), [id], () => {
      isSettled = true
    })
    await stage.written(spool)
    assert.ok(isSettled, 'the reserve has space for that')
    stage.disk.capacityBytes = Number.POSITIVE_INFINITY
    await stage.clock.advance(1000)
    assert.equal(spool.hasSpace, true)
    stage.crash()
    assert.deepEqual(await recovered(stage), ['b'])
  })

  it('without space for the reserve keeps what there is for other writes', async () => {
    const stage = new SpoolStage()
    stage.disk.capacityBytes = 100_000
    const spool = await stage.open()
    assert.equal(spool.isDiskFull, true)
    assert.ok(stage.disk.usedBytes < 1000, `${stage.disk.usedBytes} bytes are used`)
    await stage.clock.advance(1000)
    assert.ok(stage.disk.usedBytes < 1000, `${stage.disk.usedBytes} bytes are used later`)
    let attempts = 0
    stage.disk.failing = (operation, path) => {
      if (operation === 'open' && path.endsWith('reserve')) attempts++
      return null
    }
    for (let block = 0; block < 30; block++) {
      spool.number(batchOf([0]))
      await stage.written(spool)
    }
    await stage.clock.advance(2000)
    assert.ok(attempts <= 12, `${attempts} attempts to make the reserve within two seconds`)
    stage.disk.capacityBytes = Number.POSITIVE_INFINITY
    await stage.clock.advance(1000)
    assert.equal(spool.hasSpace, true)
  })

  it('whose fdatasync fails ends the spool, without a second try', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open()
    take(spool, 'a')
    await stage.written(spool)
    let syncs = 0
    stage.disk.failing = (operation, path) => {
      if (operation !== 'sync' || !path.endsWith('.spool')) return null
      syncs++
      return 'EIO'
    }
    take(spool, 'b')
    await assert.rejects(
      stage.written(spool),
      isError('SPOOL_FAILED', /writing failed: the device failed/),
    )
    take(spool, 'c')
    await assert.rejects(stage.written(spool), isError('SPOOL_FAILED', /writing/))
    await stage.clock.advance(5000)
    assert.equal(syncs, 1)
    assert.equal(spool.hasSpace, false)
  })

  it('without the right to write is an error on open, and nothing stays behind', async () => {
    const stage = new SpoolStage()
    stage.disk.failing = (operation) => (operation === 'write' ? 'EROFS' : null)
    await assert.rejects(
      stage.open(),
      isError('SPOOL_FAILED', /creating the lock failed: the file system is read-only/),
    )
    assert.deepEqual(stage.disk.paths(), [])
  })
})

describe('the lock of a spool', () => {
  it('is refused to a second process: the holder is named', async () => {
    const stage = new SpoolStage()
    await stage.open({ pid: 4711, host: 'alpha' })
    await assert.rejects(
      stage.open(),
      isError('SPOOL_LOCKED', /spool is in use by process 4711 on alpha, since 2030-01-01T/),
    )
  })

  it('of an ended process is taken over at once, also when process ids repeat', async () => {
    const stage = await crashedWith('a')
    const startedAt = stage.clock.now()
    assert.deepEqual(await recovered(stage), ['a'])
    assert.ok(stage.clock.now() - startedAt < 100)
  })

  it('of another container is refused while the holder lives', async () => {
    const stage = new SpoolStage()
    await stage.open({ namespace: 'pid:[2]' })
    const pattern = /is in use by process 1 on test/
    await assert.rejects(stage.open({ namespace: 'pid:[3]' }), isError('SPOOL_LOCKED', pattern))
  })

  it('of another container is taken over when its holder is silent', async () => {
    const stage = new SpoolStage()
    const spool = await stage.open({ namespace: 'pid:[2]' })
    take(spool, 'a')
    await stage.written(spool)
    stage.crash()
    const startedAt = stage.clock.now()
    const next = await stage.open({ namespace: 'pid:[3]' })
    assert.ok(stage.clock.now() - startedAt <= 11_000)
    assert.deepEqual((await stage.rest(next)).map(textOf), ['a'])
  })

  it('goes to one of several that take it over at once', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const stage = new SpoolStage(seed)
      await stage.open()
      stage.crash()
      const results = await stage.run(Promise.allSettled([1, 2, 3].map(() => stage.startOpening())))
      const opened = results.filter(({ status }) => status === 'fulfilled')
      assert.equal(opened.length, 1, `seed ${seed}`)
    }
  })

  it('that is taken away ends the spool', async () => {
    const stage = new SpoolStage()
    await stage.open()
    stage.disk.delete(`${directory}/lock.1`)
    await stage.clock.advance(5000)
    assert.ok(isError('SPOOL_FAILED', /keeping the lock failed/)(stage.failures[0]))
  })
})
