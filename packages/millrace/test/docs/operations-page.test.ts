// The Deployment of docs/operations.md and the program beside it belong together: the probes ask
// what the program answers, and there is time enough to end.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { blocksOf } from './doc-blocks.ts'
import { docsPath } from './doc-programs.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number }
}

const text = await readFile(join(docsPath, 'operations.md'), 'utf8')
const blocks = blocksOf('operations.md', text)
const { spec } = parse(blocks.find(({ language }) => language === 'yaml')!.code).spec.template
const container = spec.containers[0]
const program = blocks.find(({ code }) => code.includes('createServer'))!.code

test('the probes ask paths and a port that the program serves', () => {
  const [{ containerPort }] = container.ports
  assert.ok(program.includes(`listen(process.env.PORT ?? ${containerPort})`))
  for (const { httpGet } of [container.livenessProbe, container.readinessProbe] as Probe[]) {
    assert.equal(httpGet.port, containerPort)
    assert.ok(program.includes(`path === '${httpGet.path}'`), httpGet.path)
  }
})

test('the grace period holds the hook, close() and some seconds', () => {
  const [, closeMs] = /close\(\{ timeoutMs: ([\d_]+) \}\)/.exec(program)!
  const seconds =
    container.lifecycle.preStop.sleep.seconds + Number(closeMs!.replace('_', '')) / 1000
  assert.ok(seconds + 5 <= spec.terminationGracePeriodSeconds, `${seconds} s`)
})

test('the readiness probe has more time than the program takes to answer', () => {
  const [, readyMs] = /ready\(\{ timeoutMs: ([\d_]+) \}\)/.exec(program)!
  assert.ok(Number(readyMs!.replace('_', '')) < container.readinessProbe.timeoutSeconds * 1000)
})

test('what the program is configured by is in its environment', () => {
  for (const { name } of container.env) assert.ok(program.includes(`process.env.${name}`), name)
})
