// Holds the house rules over the whole repository: arrows, sizes, banned calls, names, leftovers.
// Each rule is first shown a small sample that breaks it, so that it is known to be able to fail.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkCode, functionLinesMax } from './tidy/code-rules.ts'
import { checkDeadFiles, checkImports, checkNamedFiles, findCycles } from './tidy/import-rules.ts'
import { describeViolation, findRoot, readRepository, type Violation } from './tidy/repository.ts'
import {
  checkCharacters,
  checkLeftovers,
  checkLockFile,
  checkName,
  checkPlaces,
  checkSize,
  checkWords,
  sourceLinesMax,
  testLinesMax,
  textRules,
} from './tidy/text-rules.ts'

const file = (path: string, text: string) => ({ path, text })
const engineFile = (text: string) =>
  file('packages/millrace/src/engine/sample.ts', `// Opens.\n${text}`)
const messages = (violations: readonly Violation[]) => violations.map(describeViolation)
const manifest = (path: string, contents: object) => file(path, JSON.stringify(contents))

const holds = (violations: readonly Violation[]) => assert.deepEqual(messages(violations), [])
const breaks = (violations: readonly Violation[], pattern: RegExp) => {
  assert.equal(violations.length, 1, messages(violations).join('\n') || 'nothing was found')
  assert.match(describeViolation(violations[0] as Violation), pattern)
}

describe('text rules find violations', () => {
  it('a file that is too long, and one that is just not', () => {
    const path = 'packages/millrace/src/engine/a.ts'
    holds(checkSize(file(path, 'a\n'.repeat(sourceLinesMax))))
    breaks(checkSize(file(path, 'a\n'.repeat(sourceLinesMax + 1))), /501 lines/)
    const testPath = 'packages/cli/test/unit/a.test.ts'
    holds(checkSize(file(testPath, 'a\n'.repeat(testLinesMax))))
    breaks(checkSize(file(testPath, 'a\n'.repeat(testLinesMax + 1))), /701 lines/)
  })

  it('a line that is too wide, counted in characters', () => {
    holds(checkSize(file('scripts/a.mjs', `${'ü'.repeat(100)}\n`)))
    breaks(checkSize(file('scripts/a.mjs', `x\n${'ü'.repeat(101)}\n`)), /a\.mjs:2: 101 columns/)
  })

  it('a name that is not in kebab-case', () => {
    holds(checkName(file('packages/cli/src/api/00-produce.ts', '')))
    holds(checkName(file('docs/README.md', '')))
    breaks(checkName(file('packages/cli/src/batchQueue.ts', '')), /batchQueue/)
    breaks(checkName(file('bench/work_loads/a.ts', '')), /work_loads/)
  })

  it('control characters, direction marks, broken bytes, tabs in code, a cut-off end', () => {
    const path = 'scripts/a.mjs'
    holds(checkCharacters(file('docs/a.md', '\tä – “x”\n')))
    for (const code of [0, 8, 13, 27, 127, 0x85, 0x202e, 0x2066]) {
      breaks(checkCharacters(file(path, `a${String.fromCodePoint(code)}b\n`)), /control character/)
    }
    breaks(checkCharacters(file(path, '\tx\n')), /a tab/)
    breaks(checkCharacters(file(path, `a${String.fromCodePoint(0xfffd)}\n`)), /not UTF-8/)
    breaks(checkCharacters(file(path, 'a')), /newline/)
  })

  it('words that are not used', () => {
    holds(checkWords(file('packages/cli/src/a.ts', '// A mender, a task and a toldo.\n')))
    holds(checkWords(file('docs/a.zh-CN.md', `${'no'}${'body'}\n`)))
    for (const path of ['packages/cli/src/a.ts', 'packages/cli/test/a.ts', 'docs/a.md']) {
      for (const word of ['to-ld', 'men-ds', 'Who-ever', 'no-body', 'as-ks', 'ver-dict']) {
        breaks(checkWords(file(path, `// It is ${word.replace('-', '')}.\n`)), /is not used here/)
      }
    }
    breaks(checkWords(file('docs/a.md', `It was tried in ${'va'}in.\n`)), /"in va[i]n"/)
    breaks(checkWords(file('docs/a.md', `The client gave${' up'}.\n`)), /"gave u[p]"/)
  })

  it('leftovers', () => {
    holds(checkLeftovers(file('a.md', 'A todo list is fine\n')))
    breaks(checkLeftovers(file('a.ts', `// ${'TO'}${'DO'}: later\n`)), /left over/)
    breaks(checkLeftovers(file('a.ts', `// ${'FIX'}${'ME'}\n`)), /left over/)
    breaks(checkLeftovers(file('a.ts', `${'<'.repeat(7)} ours\n`)), /left over/)
  })

  it('paths of one machine and hosts of registries', () => {
    for (const place of ['root', 'work', 'tmp', 'Users', 'home/someone']) {
      breaks(checkPlaces(file('a.ts', `const a = '/${place}/x'\n`)), /a path of one machine/)
    }
    holds(checkPlaces(file('a.ts', `import x from './work/x.ts' // $HOME/work/ src/tmp/\n`)))
    const hosts = ['registry', 'repo1', 'pypi'].map((name, index) =>
      [name, ['npmjs', 'maven', 'org'][index], 'org'].join('.'),
    )
    for (const host of hosts)
      breaks(checkPlaces(file('a.md', `https://${host}/x\n`)), /registry's host/)
    holds(checkPlaces(file('a.md', 'Maven Central and the npm registry\n')))
  })

  it('a lock file that names a host, or that lacks a package of another platform', () => {
    const lock = (packages: object) => manifest('package-lock.json', { packages })
    const entry = { version: '1.0.0', optionalDependencies: { b: '1.0.0' } }
    holds(checkLockFile(lock({ 'node_modules/a': entry, 'node_modules/b': { version: '1.0.0' } })))
    holds(checkLockFile(lock({ 'node_modules/c': { resolved: 'packages/c', link: true } })))
    breaks(checkLockFile(lock({ 'node_modules/a': entry })), /lacks b/)
    breaks(checkLockFile(lock({ 'node_modules/a': {} })), /no version/)
    const resolved = { version: '1.0.0', resolved: 'https://example.org/a.tgz' }
    breaks(checkLockFile(lock({ 'node_modules/a': resolved })), /where it came from/)
  })
})

describe('code rules find violations', () => {
  const functionOf = (lines: number) => `export const a = () => {\n${'\n'.repeat(lines - 2)}}\n`

  it('a function that is too long, and one that is just not', () => {
    holds(checkCode(engineFile(functionOf(functionLinesMax))))
    breaks(checkCode(engineFile(functionOf(functionLinesMax + 1))), /function of 71 lines/)
    const body = '\n'.repeat(functionLinesMax)
    breaks(checkCode(engineFile(`class A { #b(): void {${body}} }\n`)), /function of 71/)
  })

  it('a long test, but not a long describe', () => {
    const test = (name: string) =>
      checkCode(file('packages/cli/test/a.test.ts', `${name}('x', () => {${'\n'.repeat(120)}})\n`))
    holds(test('describe'))
    breaks(test('it'), /function of 121 lines/)
  })

  it('a missing or endless opening comment', () => {
    const path = 'packages/cli/src/a.ts'
    holds(checkCode(file(path, `${'// a\n'.repeat(15)}export const a = 1\n`)))
    breaks(checkCode(file(path, 'export const a = 1\n')), /no opening comment/)
    breaks(checkCode(file(path, `${'// a\n'.repeat(16)}export const a = 1\n`)), /16 lines/)
  })

  it('syntax that is not allowed', () => {
    breaks(checkCode(engineFile('export enum A { b }')), /enum/)
    breaks(checkCode(engineFile('namespace A { export const b = 1 }')), /namespace/)
    breaks(checkCode(engineFile('export default 1')), /default export/)
    breaks(checkCode(engineFile("export * from './b.ts'")), /export \*/)
    breaks(checkCode(engineFile("export * as b from './b.ts'")), /export \* as/)
    breaks(
      checkCode(engineFile('class A { constructor(readonly b: number) {} }')),
      /parameter prop/,
    )
    breaks(checkCode(engineFile('const = 1')), /does not parse/)
    holds(checkCode(engineFile('await using a = b()\nexport { a }')))
  })

  it('instanceof of values that another JavaScript context may have created', () => {
    breaks(checkCode(engineFile('const a = b instanceof Error')), /use isError/)
    breaks(checkCode(engineFile('if (!(b instanceof Promise)) c()')), /use isPromise/)
    holds(checkCode(engineFile('const a = b instanceof KafkaError')))
  })

  it('clocks and random numbers outside runtime/', () => {
    const banned = [
      'Date.now()',
      'new Date()',
      'performance.now()',
      'Math.random()',
      'process.hrtime.bigint()',
      'setTimeout(f, 1)',
      'setInterval(f, 1)',
      'setImmediate(f)',
      'globalThis.setTimeout(f, 1)',
      'use({ setTimeout })',
      "Date['now']()",
    ]
    for (const call of banned) breaks(checkCode(engineFile(call)), /outside runtime/)
    breaks(checkCode(engineFile("import { x } from 'node:timers/promises'")), /outside runtime/)
  })

  it('but not names that only look similar', () => {
    holds(checkCode(engineFile('clock.setImmediate(f)\nclock.setTimeout(f)\nclearTimeout(t)')))
    holds(checkCode(engineFile('interface A { setImmediate(f: () => void): void; at: Date }')))
    holds(checkCode(engineFile('const a = { setTimeout: 1 }\nif (a instanceof Date) f(a)')))
    holds(checkCode(file('packages/millrace/src/runtime/a.ts', '// Opens.\nDate.now()')))
  })

  it('a test that sleeps', () => {
    const test = (text: string) => checkCode(file('packages/cli/test/unit/a.test.ts', text))
    breaks(test('await new Promise((resolve) => setTimeout(resolve, 10))'), /in a test/)
    breaks(
      test("import { setTimeout as sleep } from 'node:timers/promises'").slice(0, 1),
      /in a test/,
    )
    breaks(test('Atomics.wait(a, 0, 0, 10)'), /in a test/)
    holds(test('setImmediate(f)\nclock.setTimer(1, f)\nDate.now()'))
  })
})

describe('import rules find violations', () => {
  const library = (path: string, text: string) => file(`packages/millrace/src/${path}`, text)
  const imports = (from: string, to: string, keyword = 'import') =>
    checkImports([library(from, `${keyword} { a } from '${to}'\n`)])

  it('an import in a direction that is not allowed', () => {
    breaks(imports('runtime/a.ts', '../protocol/b.ts'), /runtime\/ must not import protocol\//)
    breaks(imports('protocol/a.ts', '../net/b.ts', 'import type'), /protocol\/ must not import net/)
    breaks(imports('engine/a.ts', '../net/b.ts'), /engine\/ must not import net/)
    breaks(imports('net/a.ts', '../engine/ports.ts'), /net\/ must not import engine/)
    breaks(
      imports('in-process-cluster/api/a.ts', '../../net/b.ts'),
      /in-process-cluster\/ must not import net/,
    )
    breaks(imports('layers/a.ts', '../engine/b.ts'), /layers\/ must not import engine/)
    breaks(
      imports('engine/a.ts', '../producer/b.ts', 'export'),
      /engine\/ must not import producer/,
    )
    breaks(imports('producer/a.ts', '../index.ts'), /must not import the entry point/)
    breaks(
      checkImports([library('engine/a.ts', "const a = await import('../net/b.ts')")]),
      /must not import net/,
    )
    breaks(
      checkImports([library('engine/a.ts', "type A = import('../net/b.ts').A")]),
      /must not import net/,
    )
    breaks(imports('spare/a.ts', '../net/b.ts'), /spare\/ must not import net/)
  })

  it('of the engine, cluster-client sees the types of engine/ports.ts and nothing else', () => {
    holds(imports('cluster-client/a.ts', '../engine/ports.ts', 'import type'))
    breaks(imports('cluster-client/a.ts', '../engine/ports.ts'), /types of engine\/ports\.ts only/)
    breaks(
      imports('cluster-client/a.ts', '../engine/pump.ts', 'import type'),
      /must not import engine/,
    )
  })

  it('imports in allowed directions, and entry points', () => {
    holds(imports('net/a.ts', '../protocol/api/b.ts'))
    holds(imports('producer/a.ts', '../engine/record.ts'))
    holds(imports('layers/a.ts', '../producer/b.ts'))
    holds(imports('testing.ts', './in-process-cluster/cluster.ts', 'export'))
    holds(imports('in-process-cluster/a.ts', './b.ts'))
  })

  it("packages that import each other's internal modules", () => {
    const cli = manifest('packages/cli/package.json', { dependencies: { millrace: '1' } })
    const from = (to: string) =>
      checkImports([cli, file('packages/cli/src/a.ts', `import { a } from '${to}'`)])
    holds(from('millrace'))
    holds(from('millrace/testing'))
    holds(from('millrace/layers'))
    breaks(from('millrace/dist/src/engine/pump.js'), /not a public entry point/)
    breaks(from('../../millrace/src/index.ts'), /leaves its package/)
  })

  it('a package that is used and not declared', () => {
    const own = { dependencies: { a: '1' }, devDependencies: { b: '1' } }
    const root = manifest('package.json', { devDependencies: { c: '1' } })
    const using = (path: string, name: string) => {
      const text = `import { x } from '${name}'`
      return checkImports([root, manifest('packages/cli/package.json', own), file(path, text)])
    }
    holds(using('packages/cli/src/a.ts', 'a/sub'))
    holds(using('packages/cli/src/a.ts', 'node:fs'))
    breaks(using('packages/cli/src/a.ts', 'b'), /b is not declared/)
    holds(using('packages/cli/test/a.test.ts', 'b'))
    holds(using('packages/cli/test/a.test.ts', 'c'))
    breaks(using('packages/cli/test/a.test.ts', '@d/e/sub'), /@d\/e is not declared/)
  })

  it('an import between folders of the engine that is not allowed', () => {
    const importing = (from: string, to: string) => {
      const path = `packages/millrace/src/${from}`
      return checkImports([file(path, `import type { a } from '${to}'`)])
    }
    holds(importing('engine/buffer/a.ts', '../dispatch/b.ts'))
    holds(importing('engine/batch/a.ts', '../ports.ts'))
    breaks(importing('engine/batch/a.ts', '../dispatch/b.ts'), /batch\/ must not import .*dispatch/)
    breaks(importing('engine/batch/a.ts', '../engine.ts'), /only engine.ts/)
    breaks(importing('engine/record.ts', './batch/a.ts'), /is a leaf/)
    holds(importing('engine/engine-parts.ts', './batch/a.ts'))
    holds(importing('producer/a.ts', '../engine/engine.ts'))
    breaks(importing('producer/a.ts', '../engine/batch/a.ts'), /a part of the engine/)
  })

  it('an import cycle, also one of types, and only what is in it', () => {
    const source = (name: string, to: string) =>
      file(`packages/cli/src/${name}.ts`, `import type { x } from './${to}.ts'`)
    assert.deepEqual(findCycles([source('a', 'b'), source('b', 'c')]), [])
    const path = (name: string) => `packages/cli/src/${name}.ts`
    assert.deepEqual(findCycles([source('a', 'b'), source('b', 'c'), source('c', 'b')]), [
      [path('b'), path('c')],
    ])
    assert.deepEqual(findCycles([source('a', 'a')]), [[path('a')]])
  })

  it('a file that nothing uses, also one of two that use each other', () => {
    const entryPoint = manifest('packages/cli/package.json', { exports: './dist/index.js' })
    const index = file('packages/cli/src/index.ts', "export { a } from './a.ts'")
    const used = file('packages/cli/src/a.ts', '')
    holds(checkDeadFiles([entryPoint, index, used]))
    breaks(
      checkDeadFiles([entryPoint, index, used, file('packages/cli/src/b.ts', '')]),
      /nothing uses/,
    )
    const island = [
      file('packages/cli/src/b.ts', "import { c } from './c.ts'"),
      file('packages/cli/src/c.ts', "import { b } from './b.ts'"),
    ]
    assert.equal(checkDeadFiles([entryPoint, index, used, ...island]).length, 2)
    const test = file('packages/cli/test/unit/b.test.ts', "import { c } from '../../src/c.ts'")
    holds(checkDeadFiles([entryPoint, index, used, ...island, test]))
    breaks(checkDeadFiles([file('packages/cli/test/unit/helper.ts', '')]), /nothing uses/)
    const program = file('packages/cli/test/unit/program.ts', '')
    const starter = file('packages/cli/test/unit/p.test.ts', "fork(pathOf('program'))")
    holds(checkDeadFiles([program, starter]))
    const page = file('packages/cli/src/a.html', '<script src="./run.js"></script>')
    holds(checkDeadFiles([page, file('packages/cli/src/run.ts', '')]))
    const script = file('package.json', '{"start": "node packages/cli/dist/src/run.js"}')
    holds(checkDeadFiles([script, file('packages/cli/src/run.ts', '')]))
  })
})

it('import rules see a script that names a file which does not exist', () => {
  const script = file('scripts/a.mjs', "run('packages/cli/test/unit/b.test.ts')")
  breaks(checkNamedFiles([script]), /names packages\/cli\/test\/unit\/b\.test\.ts/)
  holds(checkNamedFiles([script, file('packages/cli/test/unit/b.test.ts', '')]))
})

describe('the repository follows the rules', () => {
  const files = readRepository(findRoot())
  const holdsOverAll = (violations: readonly Violation[]) =>
    assert.equal(violations.length, 0, `\n${messages(violations).join('\n')}\n`)

  it('was read', () => {
    assert.ok(files.some(({ path }) => path === 'packages/millrace/src/runtime/clock.ts'))
  })

  it('in text and names', () => {
    holdsOverAll(files.flatMap((one) => textRules.flatMap((rule) => rule(one))))
  })

  it('in code', () => {
    holdsOverAll(files.flatMap(checkCode))
  })

  it('in imports', () => {
    holdsOverAll(checkImports(files))
  })

  it('and has no import cycle, type imports included', (context) => {
    const cycles = findCycles(files)
    context.diagnostic(`${cycles.length} import cycles in packages/*/src, type imports included`)
    const list = cycles.map((cycle) => cycle.join(' ⇄ ')).join('\n')
    assert.equal(cycles.length, 0, `${cycles.length} import cycles:\n${list}`)
  })

  it('and holds no dead files', () => {
    holdsOverAll(checkDeadFiles(files))
  })

  it('and has every file that a script names', () => {
    holdsOverAll(checkNamedFiles(files))
  })
})
