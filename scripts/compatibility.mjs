// Runs the producer against brokers that others wrote, and prints a table of what was found:
//
//   npm run compatibility                      all of them (about 20 minutes, with downloads)
//   npm run compatibility -- kfake 'Kafka 3'   those whose names contain a text

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compiledPath } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const loadChecks = () => {
  const path = compiledPath('packages/millrace/test/kafka/compatibility/index.ts')
  return import(pathToFileURL(join(root, path)).href)
}

const main = async () => {
  const wanted = process.argv.slice(2)
  const { allKinds, checkBroker, hasFailed, longSizes, tableOf } = await loadChecks()
  const isWanted = ({ name }) => wanted.length === 0 || wanted.some((text) => name.includes(text))
  const kinds = allKinds.filter(isWanted)
  if (kinds.length === 0) {
    throw new ScriptError(
      `Unknown broker; there are ${allKinds.map(({ name }) => name).join(', ')}.`,
    )
  }
  const rows = []
  for (const kind of kinds) {
    say(`${kind.name} …`)
    const row = await checkBroker(kind, longSizes, (check, { state, note }) =>
      say(`  ${check}: ${state}${note === '' ? '' : ` (${note})`}`),
    )
    const why = row.missing ?? row.startError
    if (why !== null) say(`  not run: ${why}`)
    rows.push(row)
  }
  console.log(`\n${tableOf(rows)}`)
  process.exit(rows.some(hasFailed) ? 1 : 0)
}

await main().catch(fail)
