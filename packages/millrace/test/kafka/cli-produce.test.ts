// `millrace produce` as a process against the newest Kafka: what it reports is what Java reads,
// also when it is interrupted in the middle.

import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { findRoot } from '../tidy/repository.ts'
import { javaConsume, type Kafka, startKafka } from './fixture/index.ts'

/** The sources when this file is TypeScript, the compiled command otherwise. */
const mainPath = import.meta.url.endsWith('.ts')
  ? join(findRoot(), 'packages/cli/src/main.ts')
  : join(findRoot(), 'packages/cli/dist/src/main.js')

type Child = ChildProcessByStdio<Writable, Readable, null>

interface Report {
  readonly taken: number
  readonly delivered: number
  readonly failed: number
  readonly done: number
  readonly complete: boolean
}

describe('millrace produce and a real broker', () => {
  let kafka: Kafka
  before(async () => {
    kafka = await startKafka()
  })
  after(() => kafka?.close())

  const produce = (topic: string, words: readonly string[]): Child => {
    const args = [mainPath, 'produce', topic, '-b', kafka.brokers.join(','), '--json', ...words]
    return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  /** Its exit code and its report. */
  const endOf = async (child: Child): Promise<{ code: number; report: Report }> => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const [code] = await once(child, 'close')
    return { code, report: JSON.parse(output) }
  }

  it('a file is delivered byte for byte and in order: count and checksum by Java', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'lines')
    const lines = Array.from(
      { length: 100_000 },
      (_, index) => `${index} ${'ü'.repeat(index % 90)}`,
    )
    const content = `${lines.join('\n')}\n`
    await writeFile(path, content)
    await kafka.admin.createTopic('file', { partitions: 1 })
    const { code, report } = await endOf(produce('file', ['--file', path, '-z', 'lz4']))
    assert.equal(code, 0)
    assert.deepEqual([report.taken, report.delivered, report.failed], [100_000, 100_000, 0])
    const read = createHash('sha256')
    let count = 0
    await javaConsume({
      brokers: kafka.brokers,
      topic: 'file',
      onRecord: ({ value }) => {
        read.update(value!).update('\n')
        count++
      },
    })
    assert.equal(count, 100_000)
    assert.equal(read.digest('hex'), createHash('sha256').update(content).digest('hex'))
  })

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`${signal} in the middle: the log holds what is reported as delivered`, async (t) => {
      const topic = `interrupted-${signal.toLowerCase()}`
      await kafka.admin.createTopic(topic, { partitions: 1 })
      const child = produce(topic, [])
      t.after(() => child.kill('SIGKILL'))
      // The pipe is broken when the command stops reading.
      child.stdin.on('error', () => {})
      const ended = endOf(child)
      const megabytesBefore = 20
      let next = 0
      for (let bytes = 0; bytes < megabytesBefore * 1_000_000; ) {
        const block = Array.from({ length: 1000 }, () => `${next++} ${'x'.repeat(next % 200)}\n`)
        const text = block.join('')
        bytes += text.length
        if (!child.stdin.write(text)) await once(child.stdin, 'drain')
      }
      child.kill(signal)
      const { code, report } = await ended
      assert.equal(code, exitCode)
      assert.equal(report.complete, false)
      assert.equal(report.failed, 0)
      assert.ok(report.delivered > 1000, `${report.delivered} delivered`)
      assert.equal(report.done, report.delivered)
      let count = 0
      await javaConsume({
        brokers: kafka.brokers,
        topic,
        onRecord: ({ value }) => {
          assert.equal(String(value), `${count} ${'x'.repeat((count + 1) % 200)}`)
          count++
        },
      })
      assert.equal(count, report.delivered)
    })
  }

  it('an outage beyond the drain time: delivered or failed, and the log agrees', async (t) => {
    await kafka.admin.createTopic('outage', { partitions: 1 })
    const child = produce('outage', ['--drain-timeout', '1'])
    t.after(() => child.kill('SIGKILL'))
    child.stdin.on('error', () => {})
    const ended = endOf(child)
    const lines = (from: number) =>
      Array.from({ length: 5000 }, (_, index) => `${from + index}\n`).join('')
    child.stdin.write(lines(0))
    let stored = 0
    while (stored < 5000) {
      stored = 0
      await javaConsume({ brokers: kafka.brokers, topic: 'outage', onRecord: () => stored++ })
    }
    await kafka.node(1).kill()
    await new Promise<void>((resolve) => child.stdin.write(lines(5000), () => resolve()))
    child.kill('SIGINT')
    const { code, report } = await ended
    assert.equal(code, 130)
    assert.equal(report.delivered, 5000)
    assert.equal(report.taken, report.delivered + report.failed)
    await kafka.node(1).start()
    let found = 0
    await javaConsume({ brokers: kafka.brokers, topic: 'outage', onRecord: () => found++ })
    assert.equal(found, report.delivered)
  })
})
