import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

const run = async (...args: string[]) => {
  const terminal = new FakeTerminal()
  const exitCode = await runMillrace(args, terminal)
  return { exitCode, output: terminal.outputText, errors: terminal.errorText }
}

test('--help lists the commands and exits 0', async () => {
  const { exitCode, output, errors } = await run('--help')
  assert.equal(exitCode, 0)
  assert.match(output, /Usage: millrace/)
  assert.match(output, /cluster/)
  assert.equal(errors, '')
})

test('--version prints the version of the library and exits 0', async () => {
  const { version } = createRequire(import.meta.url)('millrace/package.json') as { version: string }
  assert.deepEqual(await run('--version'), { exitCode: 0, output: `${version}\n`, errors: '' })
})

test('no command at all prints the help as an error and exits 1', async () => {
  const { exitCode, errors } = await run()
  assert.equal(exitCode, 1)
  assert.match(errors, /Usage: millrace/)
})

test('a command that does not exist is named, with the nearest one, and exits 1', async () => {
  const { exitCode, errors } = await run('clustre')
  assert.equal(exitCode, 1)
  assert.match(errors, /unknown command 'clustre'/)
  assert.match(errors, /Did you mean cluster/)
})

for (const [args, expected] of [
  ['--port x', /port.*whole number from 0 to 65535/],
  ['--port 65536', /whole number from 0 to 65535/],
  ['--nodes 0', /whole number from 1 to 9/],
  ['--topic a:0', /whole number from 1 to 1000/],
  ['--topic a --topic a:2', /topic a is named twice/],
  ['--prot 9092', /unknown option '--prot'.*\n.*Did you mean --port/],
  ['--port 65535 --nodes 3', /no 3 ports from 65535/],
  ['now', /too many arguments/],
] as const) {
  test(`cluster ${args} is reported in a sentence, exits 1 and starts nothing`, async () => {
    const { exitCode, output, errors } = await run('cluster', ...args.split(' '))
    assert.equal(exitCode, 1)
    assert.match(errors, expected)
    assert.equal(output, '')
    assert.doesNotMatch(errors, /\n\s+at /, 'a stack')
  })
}

test('every default in the help is readable text', async () => {
  const { output } = await run('--help')
  const names = [...output.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!)
  assert.ok(names.includes('perf'))
  for (const name of names.filter((each) => each !== 'help')) {
    const help = await run(name, '--help')
    assert.doesNotMatch(help.output, /default:\s+(?:\{|\[|\[object)/, name)
  }
  const perf = (await run('perf', '--help')).output
  assert.match(perf, /default:\s+\\n\)/)
  assert.match(perf, /default:\s+50,95,99,99\.9\)/)
})
