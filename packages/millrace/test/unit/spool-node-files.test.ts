// The spool on the machine's own file system and clock.

import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts'
import { systemProcesses } from '../../src/runtime/process-identity.ts'
import { type Durability, Spool } from '../../src/spool/spool.ts'
import { contentOf, isError, textOf } from './spool-kit.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-spool-'))
after(() => rmSync(root, { recursive: true }))

const environment = {
  files: nodeFileSystem,
  clock: systemClock,
  processes: systemProcesses,
  logger: silentLogger,
}

const open = (directory: string, durability: Durability): Promise<Spool> =>
  Spool.open({ directory, maxBytes: 1024 * 1024 * 1024, durability }, environment, {
    batchesOf: () => [],
    onProgress() {},
    onFailed() {},
  })

const written = (spool: Spool): Promise<void> =>
  new Promise((resolve, reject) => {
    spool.whenWritten((error) => (error === null ? resolve() : reject(error)))
  })

describe('a spool on real files', () => {
  for (const durability of ['process', 'machine'] as const) {
    it(`with durability ${durability} gives back what it took`, async () => {
      const directory = join(root, durability, 'deep')
      const spool = await open(directory, durability)
      const texts: string[] = []
      for (let count = 0; count < 3000; count++) {
        const text = `record ${count} ${'é'.repeat(count % 900)}`
        texts.push(text)
        spool.take('orders', 0, count, contentOf(text))
        if (count % 500 === 0) await written(spool)
      }
      await spool.close()
      const again = await open(directory, durability)
      const found: string[] = []
      while (found.length < texts.length) {
        for (const record of await again.backlog.read()) {
          found.push(textOf(record))
          again.backlog.moveTo(record.id + 1)
        }
      }
      assert.deepEqual(found, texts)
      again.drop(texts.map((_, id) => id))
      await again.close()
      assert.deepEqual(readdirSync(directory), [])
    })
  }

  it('is rejected to a second spool of the same process', async () => {
    const directory = join(root, 'locked')
    const spool = await open(directory, 'process')
    const holder = new RegExp(`in use by process ${process.pid} on `)
    await assert.rejects(open(directory, 'process'), isError('SPOOL_LOCKED', holder))
    await spool.close()
    await (await open(directory, 'process')).close()
  })

  it('takes over from a process that is gone, whose id another process has', async () => {
    const directory = join(root, 'taken-over')
    await (await open(directory, 'process')).close()
    const holder = { ...systemProcesses.self, startTime: '1', since: 0 }
    if (holder.bootId === '') return
    writeFileSync(join(directory, 'lock.1'), JSON.stringify(holder))
    const spool = await open(directory, 'process')
    assert.deepEqual(readdirSync(directory).sort(), ['lock.2', 'reserve'])
    await spool.close()
  })

  it('in a place where no directory can be made is an error that names it', async () => {
    if (!existsSync('/proc/self')) return
    for (const path of ['/proc/none', '/proc/none/deep']) {
      const isNamed = isError('SPOOL_FAILED', new RegExp(`${path}: making the directory`))
      await assert.rejects(open(path, 'process'), isNamed)
    }
  })

  it('in a path that is not a directory is an error that names it', async () => {
    const path = join(root, 'file')
    writeFileSync(path, '')
    await assert.rejects(
      open(path, 'process'),
      isError('SPOOL_FAILED', /file: making the directory/),
    )
  })
})
