// Rules about what stands in the code: function sizes, opening comments, banned syntax and banned
// calls. Time and chance enter the library through `runtime/` only, and no test waits by sleeping.

import type { RepositoryFile, Violation } from './repository.ts'
import { child, nameOf, parseSource, type SyntaxNode, type SyntaxTree, walk } from './syntax.ts'

export const functionLinesMax = 70
export const testFunctionLinesMax = 100
export const openingLinesMax = 15

const isLibrarySource = (path: string): boolean => path.startsWith('packages/millrace/src/')
const isSource = (path: string): boolean => /^packages\/[^/]+\/src\//.test(path)
const isTest = (path: string): boolean => /^packages\/[^/]+\/test\//.test(path)

/** What may wait by the clock: it waits for a real broker, or is not a test and is run by hand. */
const mayWait = (path: string): boolean =>
  path.startsWith('packages/millrace/test/kafka/fixture/') || path.endsWith('/regenerate.ts')

type Report = (node: Pick<SyntaxNode, 'loc'>, message: string) => void
type Visit = (node: SyntaxNode, ancestors: readonly SyntaxNode[], report: Report) => void

const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ObjectMethod',
  'ClassMethod',
  'ClassPrivateMethod',
])

/** `describe` only holds tests together: its callback is not read as one function. */
const isDescribeCallback = (ancestors: readonly SyntaxNode[]): boolean => {
  const call = ancestors.at(-1)
  if (call?.type !== 'CallExpression') return false
  return ['describe', 'suite'].includes(nameOf(child(call, 'callee')) ?? '')
}

const checkFunctionSize =
  (path: string): Visit =>
  (node, ancestors, report) => {
    if (!functionTypes.has(node.type) || isDescribeCallback(ancestors)) return
    const linesMax = isTest(path) ? testFunctionLinesMax : functionLinesMax
    const lines = node.loc.end.line - node.loc.start.line + 1
    if (lines > linesMax)
      report(node, `function of ${lines} lines; at most ${linesMax} are allowed`)
  }

const bannedSyntax: Readonly<Record<string, string>> = {
  TSEnumDeclaration: 'enum: use a union of literals',
  ExportDefaultDeclaration: 'default export: give it a name',
  TSExportAssignment: 'export =: use named exports',
  ExportAllDeclaration: 'export *: list the names',
  ExportNamespaceSpecifier: 'export * as: list the names',
  TSParameterProperty: 'parameter property: declare the field',
}

/** ES modules import the names of kafkajs as a default, too: that file passes them all on. */
const passesOnAllNames = (path: string): boolean => path === 'packages/kafkajs/src/index.ts'

const checkSyntax: Visit = (node, _ancestors, report) => {
  const message = bannedSyntax[node.type]
  if (message !== undefined) report(node, message)
  const isNamespace =
    node.type === 'TSModuleDeclaration' && child(node, 'id')?.type === 'Identifier'
  if (isNamespace) report(node, 'namespace: use a module')
}

/** Names that stand for a call when they are used as a value. */
const timers = ['setTimeout', 'setInterval']
const bannedNames = new Set([...timers, 'setImmediate'])
const bannedMembers: Readonly<Record<string, readonly string[]>> = {
  Date: ['now'],
  performance: ['now', 'timeOrigin'],
  Math: ['random'],
  process: ['hrtime'],
  Atomics: ['wait', 'waitAsync'],
}
const bannedModules = new Set(['node:timers', 'node:timers/promises', 'node:perf_hooks'])

/**
 * True for `setTimeout` in `{ setTimeout: … }`, `clock.setTimeout` and the like: a name, not a use.
 */
const isPropertyName = (node: SyntaxNode, parent: SyntaxNode | undefined): boolean => {
  if (parent === undefined || parent.computed === true) return false
  if (parent.property === node && parent.type.includes('MemberExpression')) return true
  return parent.key === node
}

/** The banned call that a node is, as a person would write it. */
const bannedCall = (node: SyntaxNode, parent: SyntaxNode | undefined): string | null => {
  if (node.type === 'Identifier') {
    const name = nameOf(node) ?? ''
    return bannedNames.has(name) && !isPropertyName(node, parent) ? name : null
  }
  if (node.type === 'NewExpression' || node.type === 'CallExpression') {
    const isDate = nameOf(child(node, 'callee')) === 'Date'
    return isDate ? `${node.type === 'NewExpression' ? 'new ' : ''}Date` : null
  }
  if (node.type === 'ImportDeclaration') {
    const module = nameOf(child(node, 'source')) ?? ''
    return bannedModules.has(module) ? `the module ${module}` : null
  }
  if (!node.type.includes('MemberExpression')) return null
  const object = nameOf(child(node, 'object')) ?? ''
  const property = nameOf(child(node, 'property')) ?? ''
  if (object === 'globalThis' && bannedNames.has(property)) return `globalThis.${property}`
  const isBanned = Object.hasOwn(bannedMembers, object) && bannedMembers[object]?.includes(property)
  return isBanned ? `${object}.${property}` : null
}

const checkCalls: Visit = (node, ancestors, report) => {
  const call = bannedCall(node, ancestors.at(-1))
  if (call !== null) report(node, `${call} outside runtime/: take a Clock or a Random`)
}

/** In Jest, Node's errors and promises are not instances of the classes that the test sees. */
const checkForeign: Visit = (node, _ancestors, report) => {
  if (node.type !== 'BinaryExpression' || node.operator !== 'instanceof') return
  const name = nameOf(child(node, 'right')) ?? ''
  if (name === 'Error' || name === 'Promise') {
    report(node, `instanceof ${name}: use is${name} of runtime/value-kinds.ts`)
  }
}

const checkSleep: Visit = (node, ancestors, report) => {
  const call = bannedCall(node, ancestors.at(-1))
  const isWait =
    call !== null && /^(globalThis\.)?set(Timeout|Interval)$|^Atomics|node:timers/.test(call)
  if (isWait) report(node, `${call} in a test: wait for the event, or use virtual time`)
}

/** A source file opens with what it owns and who calls it, in a few lines. */
const checkOpening = (tree: SyntaxTree, report: Report): void => {
  const first = tree.comments[0]
  if (first === undefined || first.loc.start.line !== 1) {
    report(
      { loc: { start: { line: 1 }, end: { line: 1 } } },
      'no opening comment: what does it own?',
    )
    return
  }
  let lastLine = first.loc.end.line
  for (const comment of tree.comments.slice(1)) {
    if (comment.loc.start.line !== lastLine + 1) break
    lastLine = comment.loc.end.line
  }
  if (lastLine > openingLinesMax) {
    report(first, `opening comment of ${lastLine} lines; at most ${openingLinesMax} are allowed`)
  }
}

/** All code rules on one file, in one walk. */
export const checkCode = ({ path, text }: RepositoryFile): Violation[] => {
  if (!/\.(ts|mjs|js)$/.test(path) || path.endsWith('.d.ts')) return []
  const found: Violation[] = []
  const report: Report = (node, message) => found.push({ path, line: node.loc.start.line, message })
  let tree: SyntaxTree
  try {
    tree = parseSource(path, text)
  } catch (error) {
    return [{ path, line: 0, message: `does not parse: ${(error as Error).message}` }]
  }
  const visits: Visit[] = [checkFunctionSize(path)]
  const isTypeScript = path.startsWith('packages/') && path.endsWith('.ts')
  if (isTypeScript && !passesOnAllNames(path)) visits.push(checkSyntax)
  if (isLibrarySource(path) && !path.includes('/src/runtime/')) visits.push(checkCalls)
  if (isLibrarySource(path) && !path.endsWith('/value-kinds.ts')) visits.push(checkForeign)
  if (isTest(path) && !mayWait(path)) visits.push(checkSleep)
  walk(tree.program, (node, ancestors) => {
    for (const visit of visits) visit(node, ancestors, report)
  })
  if (isSource(path) && path.endsWith('.ts')) checkOpening(tree, report)
  return found
}
