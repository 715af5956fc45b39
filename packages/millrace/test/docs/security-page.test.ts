// The mechanism for AWS that docs/security.md shows is one that no broker here can play: what it
// says is looked at instead.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { SaslMechanism } from '../../src/index.ts'
import { blocksOf } from './doc-blocks.ts'
import { compileBlocks, docsPath } from './doc-programs.ts'

test('the AWS_MSK_IAM mechanism of the page signs for the host, then succeeds', async () => {
  const page = await readFile(join(docsPath, 'security.md'), 'utf8')
  const block = blocksOf('security.md', page).find(({ code }) => code.includes("'AWS_MSK_IAM'"))!
  const folder = await mkdtemp(join(tmpdir(), 'millrace-docs-'))
  try {
    const [path] = await compileBlocks(
      [{ place: block.place, code: `${block.code}\nexport { mskIam }\n` }],
      folder,
    )
    const { mskIam } = (await import(pathToFileURL(path!).href)) as { mskIam: SaslMechanism }
    const { signal } = new AbortController()
    const context = { host: 'b-1.example', port: 9098, clientId: 'docs', signal }
    const session = await mskIam.createSession(context)
    const first = await session.next(new Uint8Array(0))
    const token = JSON.parse(Buffer.from(first!).toString())
    assert.equal(token.version, '2020_10_22')
    assert.equal(token.host, 'b-1.example')
    assert.equal(token.action, 'kafka-cluster:Connect')
    assert.equal(token['x-amz-expires'], '900')
    assert.equal(token['x-amz-signature'], 'b-1.example')
    assert.equal(await session.next(Buffer.from('{}')), null)
  } finally {
    await rm(folder, { recursive: true })
  }
})
