// Prints the output of `npm test`: one line for each test file, the figures that its tests report,
// every failure in full, and the reason of each skipped test. Writes the counts to the file that
// MILLRACE_TEST_COUNTS names, for the summary at the end.

import { writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { inspect } from 'node:util'

const outputLinesMax = 200

/** `packages/x/test/unit/y.test.ts` for the compiled file of it. */
const sourceName = (file) =>
  relative(process.cwd(), resolve(file))
    .replace(/\bdist\//, '')
    .replace(/\.js$/, '.ts')

/** The runner wraps each file in a test of the file's own name; it is not a test of ours. */
const isFileItself = (data) =>
  data.nesting === 0 && data.file !== undefined && resolve(data.name) === resolve(data.file)

const indent = (text) => text.replace(/^(?=.)/gm, '      ')

const describeError = (error) => {
  const cause = error?.cause ?? error
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 4, breakLength: 100 })
  // The runner's own frames say nothing about the test.
  return text.replace(/\n +at [^\n]*\bnode:internal\/[^\n]*?( \{)?(?=\n|$)/g, '$1')
}

class FileReport {
  passed = 0
  failed = 0
  skipped = 0
  durationMs = 0
  /** Names of the suites around the test at hand, by nesting. */
  path = []
  failures = []
  output = []
  /** What tests reported with `t.diagnostic`. */
  notes = []

  add(type, data) {
    const isSuite = data.details?.type === 'suite'
    const ownName = isFileItself(data) ? 'the file as a whole' : data.name
    const title = [...this.path.slice(0, data.nesting), ownName].join(' › ')
    if (data.nesting === 0) this.durationMs += data.details?.duration_ms ?? 0
    // Node 20 reports tests that do not match --test-name-pattern as skipped.
    if (data.skip === 'test name does not match pattern') return null
    if (data.skip !== undefined) {
      this.skipped += 1
      return {
        title,
        reason: data.skip === true || data.skip === '' ? 'no reason given' : data.skip,
      }
    }
    const failed = type === 'test:fail' && data.todo === undefined
    const failureType = data.details?.error?.failureType
    if (failed && failureType !== 'subtestsFailed') {
      this.failed += 1
      this.failures.push(`  ✗ ${title}\n${indent(describeError(data.details.error))}\n`)
    } else if (!isSuite && !failed) this.passed += 1
    return null
  }

  write(name) {
    const total = this.passed + this.failed
    const mark = this.failed > 0 ? 'FAILED' : 'ok    '
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : ''
    const seconds = (this.durationMs / 1000).toFixed(2)
    const lines = [`${mark} ${name}: ${this.passed} of ${total}${skipped} (${seconds} s)\n`]
    lines.push(...this.notes.map((note) => `       ${note}\n`))
    if (this.failed > 0) {
      lines.push(...this.failures)
      if (this.output.length > 0) lines.push('  It printed:\n', indent(this.#lastOutput()), '\n')
    }
    return lines.join('')
  }

  #lastOutput() {
    return this.output.join('').split('\n').slice(-outputLinesMax).join('\n')
  }
}

class Report {
  files = new Map()
  totals = { passed: 0, failed: 0, skipped: 0, problems: [], notRun: [], failedFiles: [] }

  file(data) {
    const name = sourceName(data.file ?? data.name ?? 'unknown')
    let report = this.files.get(name)
    if (report === undefined) {
      report = new FileReport()
      this.files.set(name, report)
    }
    return { name, report }
  }

  result(type, data) {
    const { name, report } = this.file(data)
    if (isFileItself(data) && type === 'test:pass') {
      if (report.passed + report.failed + report.skipped > 0) return
      report.failed += 1
      report.failures.push('  ✗ the file ran no test\n')
      return
    }
    const skipped = report.add(type, data)
    if (skipped !== null) this.totals.notRun.push(`${name}: ${skipped.title} (${skipped.reason})`)
  }

  finish(name) {
    const report = this.files.get(name)
    this.totals.passed += report.passed
    this.totals.failed += report.failed
    this.totals.skipped += report.skipped
    if (report.failed > 0) {
      const { passed, failed, skipped } = report
      this.totals.problems.push(`${name}: ${failed} failed`)
      this.totals.failedFiles.push({ name, passed, failed, skipped })
    }
    this.files.delete(name)
    return report.write(name)
  }
}

// biome-ignore lint/style/noDefaultExport: Node's runner takes a reporter by its default export.
export default async function* testReporter(source) {
  const report = new Report()
  let current = null
  for await (const { type, data } of source) {
    if (type === 'test:start') report.file(data).report.path[data.nesting] = data.name
    else if (type === 'test:stdout' || type === 'test:stderr') {
      report.file(data).report.output.push(data.message)
    } else if (type === 'test:diagnostic' && data.nesting > 0) {
      // Those of nesting 0 are the runner's own counts.
      report.file(data).report.notes.push(data.message)
    } else if (type === 'test:pass' || type === 'test:fail') {
      // Results come file by file, so a result of another file means that this one is done.
      const { name } = report.file(data)
      if (current !== null && current !== name) yield report.finish(current)
      current = name
      report.result(type, data)
    }
  }
  for (const name of [...report.files.keys()]) yield report.finish(name)
  const path = process.env.MILLRACE_TEST_COUNTS
  if (path !== undefined) writeFileSync(path, JSON.stringify(report.totals))
}
