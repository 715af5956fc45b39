// Packs the packages, installs them in an empty folder outside the repository, and lets every
// runtime produce to a real Kafka and read back: the README's example, the program as an ES module,
// by `require`, and bundled into one file of each form, with every codec, plain and over TLS.
// Java's consumer has the last word. About five minutes, the first time longer: it downloads the
// runtimes.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compiledPath } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const usage = `npm run runtimes -- [--only PART]… [--kafka VERSION]

  --only PART      only runtimes whose name contains this: node, "Node 22", bun, deno
  --kafka VERSION  Kafka release (default: the latest that is tested)`

const load = (name) =>
  import(pathToFileURL(join(root, compiledPath(`packages/millrace/test/package/${name}.ts`))))

const main = async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      kafka: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  // This script runs dist/test/package/matrix.js.
  const { runMatrix } = await load('matrix')
  const { runtimes } = await load('runtimes')
  const isWanted = ({ name }) =>
    values.only.length === 0 ||
    values.only.some((part) => name.toLowerCase().includes(part.toLowerCase()))
  const wanted = runtimes.filter(isWanted)
  if (wanted.length === 0) throw new ScriptError(`No runtime has such a name.\n\n${usage}`)
  const { passed, failed } = await runMatrix({ runtimes: wanted, version: values.kafka, say })
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}

await main().catch(fail)
