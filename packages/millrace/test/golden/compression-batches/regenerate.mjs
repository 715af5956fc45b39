// Writes ../compression-batches.txt: batches as Java's client makes them, one line "codec case hex"
// each.
//   KAFKA_CLASSPATH='…/libs/*' node regenerate.mjs
// needs java 17 and Kafka's jars with their codecs. zlib and libzstd may make other bytes in other
// versions; what they decompress to may not change.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const classpath = process.env.KAFKA_CLASSPATH
if (!classpath) throw new Error('set KAFKA_CLASSPATH (see the head of regenerate.mjs)')

const program = join(folder, 'JavaBatches.java')
const output = execFileSync('java', ['-cp', classpath, program, 'write'], {
  stdio: ['ignore', 'pipe', 'ignore'],
})
writeFileSync(join(folder, '..', 'compression-batches.txt'), output)
console.log(`${output.toString().trimEnd().split('\n').length} batches`)
