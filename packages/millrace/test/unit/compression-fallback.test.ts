// Where a platform has no native binding everything still works, in portable code. Shown in a
// process of its own in which no binding loads: the loaders of the native packages take this
// variable's path instead.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const sourceUrl = (path: string): string =>
  new URL(`../../src/protocol/${path}.${extension}`, import.meta.url).href

const program = `
  import { crc32c, crcImplementation } from '${sourceUrl('records/crc')}'
  import { codecOf, compressionTypes } from '${sourceUrl('compression/codecs')}'
  const original = Buffer.from('abcdefgh'.repeat(20000))
  const crc = crc32c(Buffer.alloc(1000, 7))
  const report = { crcImplementation: crcImplementation(), crc, codecs: {} }
  for (const name of compressionTypes) {
    const codec = codecOf(name)
    await codec.load()
    const compressed = await new Promise((resolve, reject) => {
      codec.compress(original, undefined, (error, bytes) => error ? reject(error) : resolve(bytes))
    })
    const restored = codec.decompress(compressed, original.length)
    report.codecs[name] = original.equals(restored)
  }
  console.log(JSON.stringify(report))
`

const run = async (env: NodeJS.ProcessEnv): Promise<unknown> => {
  const command = ['--input-type=module', '--eval', program]
  const { stdout } = await promisify(execFile)(process.execPath, command, { env, timeout: 60_000 })
  return JSON.parse(stdout)
}

const working = { none: true, gzip: true, snappy: true, lz4: true, zstd: true }
const crc = 2325510443

test('without native bindings, checksums and all codecs are portable and still right', async () => {
  const env = { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: '/there/is/no/such/binding.node' }
  assert.deepEqual(await run(env), { crcImplementation: 'portable', crc, codecs: working })
})

test('native bindings are used where they are installed', async () => {
  const { NAPI_RS_NATIVE_LIBRARY_PATH: _, ...env } = process.env
  assert.deepEqual(await run(env), { crcImplementation: 'native', crc, codecs: working })
})
