// The code that the baseline was taken of, built in a temporary folder with the installed packages
// of this repository, so that the guard can measure it beside today's on the same machine. The tree
// brings its own measure.mjs and cases: it needs nothing of today's code. The repository, its index
// and its dist are left alone; the folder goes with the process, however that ends by itself.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const baselinePath = 'bench/micro/baseline.json'

/** Why the baseline's code can't be measured here; never a fault of today's code. */
export class Unavailable extends Error {}

const run = (command, args, env = {}) => {
  const options = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } }
  const { status, stdout, stderr, error } = spawnSync(command, args, options)
  if (status === 0) return stdout.trim()
  const words = error?.message ?? `${stderr}${stdout}`.trim().split('\n')[0]
  throw new Unavailable(words || `${command} failed`)
}

const git = (args, env) => run('git', args, env)

/** The commit that last touched the stored baseline: what is measured there is what it says. */
const findBaselineCommit = () => {
  if (git(['rev-parse', '--show-prefix']) !== '') {
    throw new Unavailable('this folder is part of another repository')
  }
  const commit = git(['log', '-1', '--format=%H', '--', baselinePath])
  if (commit === '') throw new Unavailable(`no commit holds ${baselinePath}`)
  const [, ...parents] = git(['rev-list', '--parents', '-n', '1', commit]).split(' ')
  // Where the history is cut off, its first commit seems to have made every file.
  if (parents.length === 0 && git(['rev-parse', '--is-shallow-repository']) === 'true') {
    throw new Unavailable('the history is cut off: a shallow clone')
  }
  if (git(['diff', '--name-only', 'HEAD', '--', baselinePath]) !== '') {
    throw new Unavailable(`${baselinePath} has changes that no commit holds`)
  }
  return commit
}

/** A revision that someone names must be there. */
const findRevision = (revision) => {
  try {
    return git(['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`])
  } catch (error) {
    throw new Error(`there is no revision ${revision}: ${error.message}`)
  }
}

const checkOut = (commit, folder, tree) => {
  const ownIndex = { GIT_INDEX_FILE: join(folder, 'index') }
  git(['read-tree', commit], ownIndex)
  git(['checkout-index', '--all', `--prefix=${tree}/`], ownIndex)
  for (const place of ['node_modules', 'packages/millrace/node_modules']) {
    const installed = join(root, place)
    if (existsSync(installed)) symlinkSync(installed, join(tree, place), 'junction')
  }
}

/** JavaScript only, and unchecked: it was checked when it was committed. */
const build = (tree) => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const project = ['-p', join(tree, 'packages/millrace'), '--noCheck']
  const off = ['composite', 'declaration', 'incremental', 'sourceMap']
  const settings = off.flatMap((name) => [`--${name}`, 'false'])
  run(process.execPath, [compiler, ...project, ...settings, '--tsBuildInfoFile', 'null'])
}

const removeWithProcess = (folder) => {
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  }
}

/**
 * The baseline's code, or that of `revision`, ready to be measured by `measureScript`. Throws
 * `Unavailable` where the history or the means to build it are missing.
 */
export const openBaseCode = (revision) => {
  const commit = revision === undefined ? findBaselineCommit() : findRevision(revision)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-base-'))
  removeWithProcess(folder)
  const tree = join(folder, 'tree')
  checkOut(commit, folder, tree)
  build(tree)
  return {
    name: commit.slice(0, 9),
    measureScript: join(tree, 'bench/micro/measure.mjs'),
  }
}
