// `millrace produce --spool`: a load that is killed again and again, and started again each time,
// stores each record of the input once and in order.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

const here = fileURLToPath(import.meta.url)
const mainPath = fileURLToPath(new URL(`../../src/main${extname(here)}`, import.meta.url))

interface Stage {
  readonly cluster: TestCluster
  readonly folder: string
  readonly spool: string
  /** Starts `millrace produce` in a process of its own. */
  start(...args: string[]): Run
}

interface Run {
  kill(): Promise<void>
  ended(): Promise<{ code: number | null; output: string; errors: string }>
}

const startRun = (brokers: readonly string[], args: readonly string[]): Run => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, [mainPath, 'produce', ...args], {
    env: { ...env, MILLRACE_BROKERS: brokers.join(',') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors] = ['', '']
  child.stdout.on('data', (text) => {
    output += text
  })
  child.stderr.on('data', (text) => {
    errors += text
  })
  const closed = once(child, 'close')
  return {
    kill: async () => {
      child.kill('SIGKILL')
      await closed
    },
    ended: async () => {
      const [code] = await closed
      return { code, output, errors }
    },
  }
}

const onStage = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-produce-spool-'))
  await using cluster = await startCluster({ topics: { orders: 1 } })
  try {
    const start = (...args: string[]) => startRun(cluster.brokers, args)
    await body({ cluster, folder, spool: join(folder, 'spool'), start })
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Resolves when the cluster has got so many more Produce requests. */
const untilProduced = (cluster: TestCluster, count: number): Promise<void> =>
  new Promise((resolve) => {
    let left = count
    const stop = cluster.onRequest(({ api }) => {
      if (api !== 'Produce' || --left > 0) return
      stop()
      resolve()
    })
  })

/** So that a load takes many requests, also on a machine that is slow to send the first one. */
const smallBatches = ['--set', 'batchBytes=16384']

const values = (cluster: TestCluster): string[] =>
  cluster.records('orders').map(({ value }) => String(value))

test('a load that is killed and started again stores each line once, in order', () =>
  onStage(async ({ cluster, folder, spool, start }) => {
    const lines = Array.from({ length: 60_000 }, (_, id) => `line ${id} ${'x'.repeat(id % 50)}`)
    const file = join(folder, 'lines.txt')
    await writeFile(file, `${lines.join('\n')}\n`)
    const load = ['orders', '--file', file, '--spool', spool, '--rate', '15000']
    const args = [...load, ...smallBatches]
    for (const count of [2, 5, 3, 6, 1]) {
      const run = start(...args)
      await untilProduced(cluster, count)
      await run.kill()
    }
    const { code, output, errors } = await start(...args).ended()
    assert.equal(code, 0, errors)
    assert.match(
      errors,
      /records of .*lines\.txt were accepted by earlier runs; continuing after them/,
    )
    assert.match(output, /0 failed/)
    assert.deepEqual(values(cluster), lines)
    assert.deepEqual(await readdir(spool), [])
  }))

test('rejected records, and lines that are not records, do not shift the position', () =>
  onStage(async ({ cluster, folder, spool, start }) => {
    const lines = Array.from({ length: 30_000 }, (_, id) => {
      if (id % 10 === 3) return 'no json'
      if (id % 10 === 5) return JSON.stringify({ topic: 'no topic', value: String(id) })
      return id % 10 === 7 ? '' : JSON.stringify({ value: String(id) })
    })
    const file = join(folder, 'lines.ndjson')
    await writeFile(file, lines.join('\n'))
    const load = ['orders', '--format', 'json', '-f', file, '--spool', spool, '--rate', '8000']
    const args = [...load, ...smallBatches]
    for (const count of [2, 3]) {
      const run = start(...args)
      await untilProduced(cluster, count)
      await run.kill()
    }
    const { code } = await start(...args).ended()
    assert.equal(code, 2)
    const good = lines.flatMap((_, id) => ([3, 5, 7].includes(id % 10) ? [] : [String(id)]))
    assert.deepEqual(values(cluster), good)
  }))

test('an interrupted run keeps its position, also if everything was delivered', () =>
  onStage(async ({ cluster, folder, spool, start }) => {
    const lines = Array.from({ length: 1000 }, (_, id) => `${id}`)
    const file = join(folder, 'lines.txt')
    await writeFile(file, lines.join('\n'))
    const args = ['orders', '--file', file, '--spool', spool]
    const first = await start(...args, '--limit', '400').ended()
    assert.equal(first.code, 0)
    // The limit is part of the load: this one is over, and its directory is free again.
    assert.deepEqual(await readdir(spool), [])
    assert.equal(values(cluster).length, 400)
  }))

test('the directory of another load is rejected', () =>
  onStage(async ({ cluster, folder, spool, start }) => {
    const file = join(folder, 'lines.txt')
    await writeFile(file, 'a\nb\n')
    cluster.fault({ api: 'Produce', drop: true, count: Number.POSITIVE_INFINITY })
    const first = start('orders', '--file', file, '--spool', spool)
    await untilProduced(cluster, 1)
    await first.kill()
    cluster.removeFaults()
    await writeFile(file, 'c\nd\n')
    const second = await start('orders', '--file', file, '--spool', spool).ended()
    assert.equal(second.code, 1)
    assert.match(second.errors, /holds another load: its head is "/)
    const third = await start('others', '--file', file, '--spool', spool).ended()
    assert.match(
      third.errors,
      /holds another load: its head is "|its topic is "orders", got "others"/,
    )
  }))

test('a position that is damaged is named, and nothing is sent', () =>
  onStage(async ({ cluster, folder, spool, start }) => {
    const file = join(folder, 'lines.txt')
    await writeFile(file, 'a\nb\n')
    await mkdir(spool)
    for (const text of ['', '{"load"', 'null', '[]', '{"load":{},"base":-1}']) {
      await writeFile(join(spool, 'load.json'), text)
      const { code, errors } = await start('orders', '--file', file, '--spool', spool).ended()
      assert.equal(code, 1, text)
      assert.match(errors, /load\.json is damaged: how far the load has come is unknown/)
      assert.equal(await readFile(join(spool, 'load.json'), 'utf8'), text)
    }
    assert.deepEqual(values(cluster), [])
  }))

test('an interrupt while the directory is opened ends the run with its exit code', () =>
  onStage(async ({ cluster, folder, spool, start }) => {
    const file = join(folder, 'lines.txt')
    await writeFile(file, 'a\nb\n')
    const args = ['orders', '--file', file, '--spool', spool]
    const terminal = new FakeTerminal()
    terminal.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
    const watch = terminal.onInterrupt.bind(terminal)
    terminal.onInterrupt = (listener, again) => {
      const forget = watch(listener, again)
      terminal.interrupt('SIGTERM')
      return forget
    }
    assert.equal(await runMillrace(['produce', ...args], terminal), 143)
    assert.equal(terminal.errorText, '')
    assert.deepEqual(values(cluster), [])
    assert.equal((await start(...args).ended()).code, 0)
    assert.deepEqual(values(cluster), ['a', 'b'])
  }))
