// Who runs in `npm run bench`: ours, and peers that are installed from npm into the cache folder
// when they are first wanted (MILLRACE_CACHE, by default ~/.cache/millrace). A peer that can't be
// installed is named and skipped.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { repository } from './results.mjs'

const installTimeoutMs = 180_000

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

const cacheFolder = () => process.env.MILLRACE_CACHE ?? join(homedir(), '.cache', 'millrace')

/**
 * npm without a compiler: a package with a native part must bring it prebuilt. Returns the end
 * of npm's output if it failed, else null.
 */
const install = async (folder, name, native) => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock']
  if (!native) args.push('--ignore-scripts')
  const compilers = { CC: 'false', CXX: 'false', npm_config_build_from_source: 'false' }
  const child = spawn('npm', [...args, name], {
    cwd: folder,
    env: { ...process.env, ...(native ? compilers : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installTimeoutMs,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-2000)
    })
  }
  child.once('error', (error) => {
    output += error.message
  })
  const [code] = await once(child, 'close')
  if (code === 0) return null
  const line = output.split('\n').find((text) => /err/i.test(text))
  return (line ?? output).trim().slice(0, 200)
}

/** The folder with the package; throws where it can't be had. */
const packageFolder = async (spec, native) => {
  const entry = join(cacheFolder(), 'bench-peers', `${spec.replaceAll(/[^\w.]+/g, '-')}`)
  if (existsSync(entry)) return entry
  console.log(`Installing ${spec} …`)
  const part = `${entry}.part-${process.pid}`
  const failure = await install(part, spec, native)
  if (failure !== null) {
    rmSync(part, { recursive: true, force: true })
    throw new Error(`${spec} can't be installed without a compiler: ${failure}`)
  }
  renameSync(part, entry)
  return entry
}

/** `@scope/name@1.2.3` → `@scope/name` */
const nameOf = (spec) => spec.slice(0, spec.lastIndexOf('@'))

const ourVersion = () => readJson(join(repository, 'packages/millrace/package.json')).version

/** One contestant, ready to run: its command and environment, and a version for the table. */
const prepare = async (entry, { libraries, kafkaVersion }) => {
  const values = { node: process.execPath, libs: libraries ?? '' }
  const isJava = entry.cmd[0] === 'java'
  if (isJava && libraries === null) throw new Error("Java's libraries are not here")
  const env = { ...entry.env }
  let version = ourVersion()
  if (entry.package !== undefined) {
    const folder = await packageFolder(entry.package, entry.native === true)
    env.BENCH_MODULES = folder
    const name = nameOf(entry.package)
    version = readJson(join(folder, 'node_modules', name, 'package.json')).version
  } else if (isJava) version = `kafka-clients ${kafkaVersion}`
  const [command, ...args] = entry.cmd.map((word) =>
    word.replaceAll(/\{(\w+)\}/g, (_, key) => values[key]),
  )
  return { ...entry, command, args, env, version }
}

/** The requested contestants that can run here; prints the reason for each of the others. */
export const prepareContestants = async (ids, context) => {
  const bench = join(repository, 'bench')
  const ours = readJson(join(bench, 'contestants.json')).map((entry) => ({ ...entry, ours: true }))
  const entries = [...ours, ...readJson(join(bench, 'peers.json'))]
  const wanted = ids ?? entries.map(({ id }) => id).filter((id) => !/layer|spool/.test(id))
  const unknown = wanted.find((id) => !entries.some((entry) => entry.id === id))
  if (unknown !== undefined) {
    throw new Error(`no contestant ${unknown}: ${entries.map(({ id }) => id).join(', ')}`)
  }
  const ready = []
  const missing = []
  for (const entry of entries.filter(({ id }) => wanted.includes(id))) {
    try {
      ready.push(await prepare(entry, context))
    } catch (error) {
      missing.push({ id: entry.id, reason: error.message })
      console.error(`SKIPPED: ${entry.id}: ${error.message}`)
    }
  }
  return { ready, missing }
}
