// Packs the packages and runs every project of users against an in-process cluster: test runners,
// compilers, bundlers, frameworks, package managers, and each Node that is supported. Prints a line
// for each, and a summary. About 15 minutes, the first time longer: it downloads the tools.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { compiledPath } from './run-tests.mjs'
import { fail, root, ScriptError, say } from './workspace.mjs'

const usage = `npm run projects -- [--only PART]… [--keep]

  --only PART  only projects whose name contains this: jest, webpack, nest
  --keep       leaves the folders of the projects, and prints where they are
  --list       prints the names of the projects`

const load = () => {
  const path = compiledPath('packages/millrace/test/package/projects/run-projects.ts')
  return import(pathToFileURL(join(root, path)).href)
}

const runOne = async (folders, project) => {
  const startedMs = performance.now()
  let problem = null
  try {
    await folders.run(project)
  } catch (error) {
    problem = error.message
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0)
  say(`${problem === null ? 'ok    ' : 'FAILED'} ${project.name} (${seconds} s)`)
  if (problem !== null) console.log(problem.replaceAll(/^/gm, '    '))
  return problem === null
}

const main = async () => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const { ProjectFolders, projects } = await load()
  const isWanted = ({ name }) =>
    values.only.length === 0 ||
    values.only.some((part) => name.toLowerCase().includes(part.toLowerCase()))
  const wanted = projects.filter(isWanted)
  if (wanted.length === 0) throw new ScriptError(`No project has such a name.\n\n${usage}`)
  if (values.list) {
    for (const { name } of wanted) console.log(name)
    return
  }
  say('Packing …')
  const folders = await ProjectFolders.create()
  const failed = []
  try {
    for (const project of wanted) {
      if (!(await runOne(folders, project))) failed.push(project.name)
    }
  } finally {
    if (values.keep) say(`The projects are in ${folders.root}.`)
    else await folders.remove()
  }
  for (const name of failed) console.log(`FAILED: ${name}`)
  console.log(`${wanted.length - failed.length} passed, ${failed.length} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

await main().catch(fail)
