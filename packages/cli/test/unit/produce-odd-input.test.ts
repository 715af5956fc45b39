// `millrace produce` on what people really feed it: files from other systems, nothing at all, lines
// that are too long, readers and screens that are not as they should be.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { link, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCluster, type TestCluster } from 'millrace/testing'
import { DeadLetterFile } from '../../src/produce/dead-letter.ts'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Ran {
  readonly code: number
  readonly output: string
  readonly errors: string
  readonly values: readonly string[]
}

interface Stage {
  readonly cluster: TestCluster
  readonly folder: string
  run(args: readonly string[], input?: string | Buffer, columns?: number): Promise<Ran>
}

const onStage = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-odd-'))
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const run: Stage['run'] = async (args, input = '', columns) => {
    const before = cluster.records('orders').length
    const terminal = new FakeTerminal(columns !== undefined)
    Object.assign(terminal.output, columns === undefined ? {} : { isTTY: true, columns })
    terminal.environment.MILLRACE_BROKERS = cluster.brokers[0]!
    terminal.input.end(input)
    const code = await runMillrace(['produce', 'orders', ...args], terminal)
    const records = cluster.records('orders').slice(before)
    const values = records.map(({ value }) => Buffer.from(value ?? []).toString('latin1'))
    return { code, output: terminal.outputText, errors: terminal.errorText, values }
  }
  try {
    await body({ cluster, folder, run })
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('lines of Windows: the carriage return stays, unless it is part of the delimiter', () =>
  onStage(async ({ run }) => {
    assert.deepEqual((await run([], 'a\r\nb\r\n')).values, ['a\r', 'b\r'])
    assert.deepEqual((await run(['-D', '\\r\\n'], 'a\r\nb\r\n')).values, ['a', 'b'])
    const json = await run(['--format', 'json'], '{"value":"a"}\r\n\r\n\t \r\n{"value":"b"}\r\n')
    assert.deepEqual([json.code, json.values], [0, ['a', 'b']])
  }))

test('a byte order mark is skipped in JSON, and a part of the value in lines', () =>
  onStage(async ({ run }) => {
    const mark = '\ufeff'
    const json = await run(['--format', 'json'], `${mark}{"value":{"id":1}}\n{"value":"b"}\n`)
    assert.deepEqual([json.code, json.values], [0, ['{"id":1}', 'b']])
    const lines = await run([], `${mark}a\n`)
    assert.deepEqual(lines.values, ['\u00ef\u00bb\u00bfa'])
  }))

test('an empty input sends nothing and exits 0', () =>
  onStage(async ({ folder, run }) => {
    const path = join(folder, 'empty')
    await writeFile(path, '')
    for (const args of [[], ['--file', path], ['--format', 'json']]) {
      const { code, output, values } = await run(args)
      assert.deepEqual([code, values], [0, []])
      assert.match(output, /^0 records taken: 0 delivered, 0 failed/)
    }
    assert.deepEqual((await run([], '\n')).values, [''], 'an empty line is an empty value')
  }))

test('a line that is too long is reported by its number, and the others are delivered', () =>
  onStage(async ({ folder, run }) => {
    const dead = join(folder, 'dead')
    const long = 'x'.repeat(10_000_000)
    const input = `small\n${long}\nlast`
    const { code, output, values } = await run(['--dead-letter', dead], input)
    assert.deepEqual([code, values], [2, ['small', 'last']])
    assert.match(output, /3 records taken: 2 delivered, 1 failed/)
    assert.match(output, /1 × RECORD_TOO_LARGE, not in the log: .*8388608.*\(record 2\)/)
    assert.match(output, /1 record in .*dead: to be sent again with --format json\.\n$/)
    const letter = JSON.parse(await readFile(dead, 'utf8'))
    assert.deepEqual([letter.line, letter.value.length], [2, long.length])
  }))

test('dead letters that are not records are not called sendable', () =>
  onStage(async ({ cluster, folder, run }) => {
    const dead = join(folder, 'dead')
    const args = ['--format', 'json', '--dead-letter', dead]
    const bad = await run(args, '{"value":"a"}\n{"value":\n')
    assert.equal(bad.code, 2)
    assert.match(bad.output, /the line must be JSON: .*\(record 2\)/)
    assert.match(bad.output, /1 record in .*dead: to be corrected first\.\n$/)
    cluster.fault({ api: 'Produce', topic: 'orders', error: 'TOPIC_AUTHORIZATION_FAILED' })
    const mixed = await run(args, '{"value":"a"}\nnothing\n')
    assert.match(mixed.output, /2 records in .*dead: 1 of them can be sent again with --format/)
  }))

test('the bar advances within a chunk, and on a narrow screen the share comes first', () =>
  onStage(async ({ folder, run }) => {
    const path = join(folder, 'lines')
    const lines = Array.from({ length: 400 }, (_, index) => `line ${index}`)
    await writeFile(path, lines.join('\n'))
    // The file is one chunk, and takes some redraws at this rate.
    const args = ['--file', path, '--rate', '1000']
    const wide = await run(args, '', 100)
    assert.match(wide.output, /█+░+ +[1-9]\d?% /)
    const narrow = await run(args, '', 40)
    assert.doesNotMatch(narrow.output, /█/)
    assert.match(narrow.output, / +[1-9]\d?% {2}\d+ s left {2}\d+ records/)
    assert.match(narrow.output, /400 records taken: 400 delivered/)
  }))

test('what --limit leaves in the file does not count as read', () =>
  onStage(async ({ folder, run }) => {
    const path = join(folder, 'lines')
    await writeFile(path, 'one\ntwo\nthree\nfour\n')
    const { output } = await run(['--file', path, '--limit', '2', '--json'])
    assert.equal(JSON.parse(output).bytesRead, 8)
  }))

/** This file's own form decides: sources when it is TypeScript, the compiled command otherwise. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const mainPath = fileURLToPath(new URL(`../../src/main.${extension}`, import.meta.url))

test('a closed output ends nothing: accepted records are delivered, without a message', () =>
  onStage(async ({ cluster }) => {
    const args = [mainPath, 'produce', 'orders', '-b', cluster.brokers[0]!]
    const child = spawn(process.execPath, args)
    child.stdout.destroy()
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const exit = once(child, 'exit')
    child.stdin.end('a\nb\n')
    assert.deepEqual([await exit, errors], [[0, null], ''])
    assert.equal(cluster.records('orders').length, 2)
  }))

test('a report that can not be written is a failure', { skip: !existsSync('/dev/full') }, () =>
  onStage(async ({ cluster }) => {
    const full = openSync('/dev/full', 'w')
    const args = [mainPath, 'produce', 'orders', '-b', cluster.brokers[0]!]
    const child = spawn(process.execPath, args, { stdio: ['pipe', full, 'pipe'] })
    closeSync(full)
    let errors = ''
    child.stderr!.on('data', (chunk) => {
      errors += chunk
    })
    const closed = once(child, 'close')
    child.stdin!.end('a\n')
    assert.deepEqual(await closed, [1, null])
    assert.match(errors, /^The output could not be written: ENOSPC.*\n$/)
    assert.equal(cluster.records('orders').length, 1)
  }),
)

test('a cluster whose output is closed (| head) keeps running, and ends as usual', async () => {
  const child = spawn(process.execPath, [mainPath, 'cluster', '--port', '0', '--nodes', '1'])
  try {
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    const exit = once(child, 'exit')
    child.kill('SIGINT')
    assert.deepEqual([await exit, errors], [[0, null], ''])
  } finally {
    child.kill('SIGKILL')
  }
})

// Reading a named pipe blocks in the kernel until a writer opens it. Ctrl-C ended the run, but the
// process stayed, because one of its threads was still in that call.
test(
  'a named pipe: its records arrive, and an interrupt ends the wait for more',
  {
    skip: process.platform === 'win32',
  },
  () =>
    onStage(async ({ cluster, folder, run }) => {
      const path = join(folder, 'pipe')
      execFileSync('mkfifo', [path])
      const writer = spawn('sh', ['-c', `printf 'a\\nb\\nc' > '${path}'`])
      const { code, values } = await run(['--file', path])
      assert.deepEqual([code, values, writer.exitCode], [0, ['a', 'b', 'c'], 0])

      const args = [mainPath, 'produce', 'orders', '-b', cluster.brokers[0]!, '--file', path]
      const child = spawn(process.execPath, args)
      const silent = spawn('sh', ['-c', `exec 3> '${path}'; echo opened; exec cat`])
      try {
        await once(silent.stdout, 'data')
        child.kill('SIGINT')
        assert.deepEqual(await once(child, 'exit'), [130, null])
      } finally {
        child.kill('SIGKILL')
        silent.kill('SIGKILL')
      }
    }),
)

// Opening a named pipe for writing blocks in the kernel until a reader opens it.
test(
  'dead letters into a named pipe arrive, and an interrupt ends the wait for a reader',
  {
    skip: process.platform === 'win32',
  },
  () =>
    onStage(async ({ folder, run }) => {
      const path = join(folder, 'pipe')
      execFileSync('mkfifo', [path])
      const stop = new AbortController()
      const opening = DeadLetterFile.open(path, stop.signal)
      stop.abort()
      assert.equal(await opening, null)

      const reader = spawn('cat', [path])
      let letters = ''
      reader.stdout.on('data', (chunk) => {
        letters += chunk
      })
      const { code } = await run(['--format', 'json', '--dead-letter', path], '5\n{"value":"a"}\n')
      await once(reader, 'close')
      assert.equal(code, 2)
      assert.equal(JSON.parse(letters).line, 1)
    }),
)

test('--limit also counts rejected records', () =>
  onStage(async ({ run }) => {
    const lines = '{"value":"a"}\nno JSON\n{"value":"b"}\n{"value":"c"}\n'
    const { values, output } = await run(['--format', 'json', '--limit', '2'], lines)
    assert.deepEqual(values, ['a'])
    assert.match(output, /^2 records taken: 1 delivered, 1 failed/)
  }))

// Dead letters were sent again, and "the" file of dead letters was named for what fails
// again. Each failed line was appended to the file that was read, until the disk was full.
test('dead letters into the file that is read are rejected, by any of its names', () =>
  onStage(async ({ cluster, folder, run }) => {
    const path = join(folder, 'dead.ndjson')
    const other = join(folder, 'link')
    await writeFile(path, '{"vlaue":"x"}\n')
    await link(path, other)
    for (const deadLetter of [path, other, `${folder}/./dead.ndjson`]) {
      const args = ['--format', 'json', '--file', path, '--dead-letter', deadLetter]
      const { code, output, errors } = await run(args)
      assert.deepEqual([code, output], [1, ''])
      assert.match(errors, /^--dead-letter must be another file than the one that is read, got /)
    }
    const args = ['produce', 'orders', '-b', cluster.brokers[0]!, '--dead-letter', other]
    const input = openSync(path, 'r')
    const child = spawn(process.execPath, [mainPath, ...args], { stdio: [input, 'pipe', 'pipe'] })
    closeSync(input)
    assert.deepEqual(await once(child, 'exit'), [1, null])
    assert.equal(await readFile(path, 'utf8'), '{"vlaue":"x"}\n')
    assert.equal(cluster.records('orders').length, 0)
  }))

test('a folder is rejected as input, by name and as standard input', () =>
  onStage(async ({ cluster, folder, run }) => {
    const named = await run(['--file', folder])
    assert.equal(named.code, 1)
    assert.match(named.errors, /millrace-odd-\S+ must be a file, got a folder\.\n$/)
    const input = openSync(folder, 'r')
    const args = [mainPath, 'produce', 'orders', '-b', cluster.brokers[0]!]
    const child = spawn(process.execPath, args, { stdio: [input, 'pipe', 'pipe'] })
    closeSync(input)
    let errors = ''
    child.stderr!.on('data', (chunk) => {
      errors += chunk
    })
    assert.deepEqual(await once(child, 'close'), [1, null])
    assert.equal(errors, 'Standard input must be a file, got a folder.\n')
  }))

test('a file has its bar on a terminal, where the standard input is typed', () =>
  onStage(async ({ cluster, folder }) => {
    const path = join(folder, 'lines')
    await writeFile(path, 'a\nb\n')
    for (const [args, isDrawn] of [
      [['--file', path], true],
      [[], false],
    ] as const) {
      const terminal = new FakeTerminal(true)
      Object.assign(terminal.output, { isTTY: true, columns: 100 })
      terminal.inputIsTyped = true
      terminal.input.end('c\n')
      const [broker] = cluster.brokers
      await runMillrace(['produce', 'orders', '-b', broker!, ...args], terminal)
      assert.equal(terminal.outputText.includes('█'), isDrawn)
    }
  }))

test('rejected lines are reported with their numbers, some of each kind', () =>
  onStage(async ({ run }) => {
    const lines = Array.from({ length: 10 }, (_, index) => `{"value":"","field${index}":1}`)
    const input = ['{"value":"good"}', '{"vlaue":1}', '{"value":', ...lines].join('\n')
    const { output, values } = await run(['--format', 'json'], input)
    assert.deepEqual(values, ['good'])
    assert.match(output, /12 × INVALID_RECORD.*unknown field 'vlaue': did.*\(record 2\)/)
    assert.deepEqual(output.match(/(?<= {4}record )\d+/g), ['3', '4', '5', '6'])
  }))
