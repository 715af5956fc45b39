// Checks with the npm registry whether our dependencies have known weaknesses. A registry
// that does not serve audits is reported and does not fail; a weakness fails.

import { spawnSync } from 'node:child_process'
import { fail, root, ScriptError, say } from './workspace.mjs'

const requestAdvisories = () => {
  const npm = process.env.npm_execpath
  const args = ['audit', '--omit=dev', '--json']
  const options = { cwd: root, encoding: 'utf8', timeout: 120_000, maxBuffer: 2 ** 26 }
  return npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

const readResponse = (output) => {
  try {
    return JSON.parse(output)
  } catch {
    return null
  }
}

const describe = ([name, { severity, range, via, fixAvailable }]) => {
  const titles = via.map((one) => (typeof one === 'string' ? `through ${one}` : one.title))
  const remedy = fixAvailable === false ? 'no version without it yet' : 'npm audit fix, or update'
  return `${severity.toUpperCase()}: ${name} ${range}: ${titles.join('; ')} (${remedy})`
}

const main = () => {
  const { stdout = '', error } = requestAdvisories()
  const report = readResponse(stdout)
  const counts = report?.metadata?.vulnerabilities
  if (counts === undefined) {
    const reason = report?.message ?? report?.error?.summary ?? error?.message ?? 'no response'
    say(`NOT AUDITED: this registry does not serve audits (${String(reason).split('\n')[0]}).`)
    return
  }
  const { prod = 0, optional = 0 } = report.metadata.dependencies ?? {}
  if (counts.total === 0) {
    say(`Audited ${prod + optional} packages: nothing is known against them.`)
    return
  }
  for (const one of Object.entries(report.vulnerabilities)) console.error(describe(one))
  throw new ScriptError(
    `${counts.total} known vulnerabilities in the dependencies of our packages.`,
  )
}

try {
  main()
} catch (error) {
  fail(error)
}
