// Writes ../partitioner-vectors.json: where the original libraries put each key. Run it with
//   KAFKA_CLASSPATH='…/libs/*'   a folder of Kafka's jars (needs java 17)
//   LIBRDKAFKA=…                 a folder with include/ and lib/ of librdkafka (needs cc)
//   KAFKAJS=…/node_modules/kafkajs
// and go on the PATH, which fetches sarama. Keys and counts are fixed: an unchanged library gives
// an unchanged file.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const counts = [1, 2, 3, 6, 7, 12, 100, 1000]

/** Bytes that look random and are always the same. */
const noise = (length, seed) => {
  const blocks = []
  for (let index = 0; index * 32 < length; index += 1) {
    blocks.push(createHash('sha256').update(`${seed}/${index}`).digest())
  }
  return Buffer.concat(blocks).subarray(0, length)
}

const words = ['a', '21', 'abc', 'foobar', 'a-little-bit-long-string', 'order-1', 'order-2']
words.push('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', '0', '-1', 'null', 'KEY', 'key')
words.push('Ærøskøbing', 'Zürich', '東京', '🚲', 'e\u0301', 'naïve/ключ', '{"id":42}')
words.push('7f1c3f0e-6a0a-4a5e-9a52-0f3f8f3f5d11', 'customer:000000000000001', ' ', '\t\n\0')
const keys = words.map((word) => Buffer.from(word))
for (let length = 0; length <= 17; length += 1) keys.push(noise(length, 'short'))
for (let length = 1; length <= 9; length += 1) keys.push(Buffer.alloc(length, 0xff))
for (let length = 1; length <= 9; length += 1) keys.push(Buffer.alloc(length))
for (let byte = 0x7e; byte <= 0x82; byte += 1) keys.push(Buffer.from([byte, 0x80, 0x7f, byte]))
for (const length of [31, 64, 100, 255, 256]) keys.push(noise(length, 'long'))
for (const number of [0n, 1n, -1n, 1234567890123n]) {
  const key = Buffer.alloc(8)
  key.writeBigInt64BE(number)
  keys.push(key)
}

const unique = [...new Set(keys.map((key) => key.toString('hex')))]
const input = `${unique.join('\n')}\n`
const work = mkdtempSync(join(tmpdir(), 'partitioner-vectors-'))

const run = (command, leading, options = {}) => {
  const output = execFileSync(command, [...leading, ...counts.map(String)], { input, ...options })
  const lines = output.toString().trimEnd().split('\n')
  if (lines.length !== unique.length) throw new Error(`${command} printed ${lines.length} lines`)
  return lines.map((line) => (line === 'random' ? null : line.split(',').map(Number)))
}

const setting = (name) => {
  const value = process.env[name]
  if (!value) throw new Error(`set ${name} (see the head of regenerate.mjs)`)
  return value
}

try {
  const java = run('java', ['-cp', setting('KAFKA_CLASSPATH'), join(folder, 'KeyPartitions.java')])

  const rdkafka = setting('LIBRDKAFKA')
  const program = join(work, 'librdkafka')
  const paths = [`-I${rdkafka}/include`, `-L${rdkafka}/lib`, `-Wl,-rpath,${rdkafka}/lib`]
  execFileSync('cc', ['-o', program, join(folder, 'librdkafka.c'), ...paths, '-lrdkafka'])
  const librdkafka = run(program, [])

  copyFileSync(join(folder, 'sarama.go'), join(work, 'main.go'))
  execFileSync('go', ['mod', 'init', 'vectors'], { cwd: work, stdio: 'ignore' })
  execFileSync('go', ['get', 'github.com/IBM/sarama@v1.61.1'], { cwd: work, stdio: 'ignore' })
  execFileSync('go', ['build', '-o', 'sarama', '.'], { cwd: work })
  const sarama = run(join(work, 'sarama'), [])

  const kafkajs = run(process.execPath, [join(folder, 'kafkajs.mjs')], {
    env: { ...process.env, KAFKAJS: setting('KAFKAJS') },
  })

  // Laid out as the formatter of this repository does it.
  const list = (numbers) => (numbers === null ? 'null' : `[${numbers.join(', ')}]`)
  const rows = unique.map((key, index) => {
    const byName = { java, consistent_random: librdkafka, fnv1a: sarama, kafkajs_legacy: kafkajs }
    const lists = Object.entries(byName).map(([name, rows]) => `"${name}": ${list(rows[index])}`)
    return `    {\n      ${[`"key": "${key}"`, ...lists].join(',\n      ')}\n    }`
  })
  const json = `{\n  "counts": ${list(counts)},\n  "keys": [\n${rows.join(',\n')}\n  ]\n}\n`
  writeFileSync(join(folder, '..', 'partitioner-vectors.json'), json)
  console.log(`${unique.length} keys`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
