// The syntax tree of a source file, by the parser of Babel (TypeScript 7 has no programming
// interface), and a walk over it that knows nothing of node types: a new kind of syntax needs no
// change here.

import { parse } from '@babel/parser'

/** A node of the tree, with just what the rules look at. */
export interface SyntaxNode {
  readonly type: string
  readonly loc: { readonly start: { line: number }; readonly end: { line: number } }
  readonly [key: string]: unknown
}

export interface Comment {
  readonly type: 'CommentBlock' | 'CommentLine'
  readonly loc: { readonly start: { line: number }; readonly end: { line: number } }
}

export interface SyntaxTree {
  readonly program: SyntaxNode
  readonly comments: readonly Comment[]
}

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && 'type' in value && 'loc' in value

/** Trees by their text: several rules look at each file, and parsing is what takes the time. */
const parsed = new Map<string, SyntaxTree>()

/** Throws where the text is not TypeScript (or JavaScript, for `.mjs` and `.js`). */
export const parseSource = (path: string, text: string): SyntaxTree => {
  const known = parsed.get(`${path}\n${text}`)
  if (known !== undefined) return known
  const isTypeScript = path.endsWith('.ts')
  const tree = parse(text, {
    sourceType: 'module',
    sourceFilename: path,
    errorRecovery: false,
    plugins: [...(isTypeScript ? (['typescript'] as const) : []), 'explicitResourceManagement'],
  })
  parsed.set(`${path}\n${text}`, tree as unknown as SyntaxTree)
  return tree as unknown as SyntaxTree
}

export const childrenOf = (node: SyntaxNode): SyntaxNode[] => {
  const children: SyntaxNode[] = []
  for (const [key, value] of Object.entries(node)) {
    if (key === 'loc' || key.endsWith('Comments')) continue
    if (Array.isArray(value)) children.push(...value.filter(isNode))
    else if (isNode(value)) children.push(value)
  }
  return children
}

/** Visits every node, the outer ones first; `ancestors` has the nearest one last. */
export const walk = (
  node: SyntaxNode,
  visit: (node: SyntaxNode, ancestors: readonly SyntaxNode[]) => void,
  ancestors: SyntaxNode[] = [],
): void => {
  visit(node, ancestors)
  ancestors.push(node)
  for (const child of childrenOf(node)) walk(child, visit, ancestors)
  ancestors.pop()
}

/** A child node under a key, where there is one. */
export const child = (node: SyntaxNode | undefined, key: string): SyntaxNode | undefined => {
  const value = node?.[key]
  return isNode(value) ? value : undefined
}

/** The name of an identifier, or of a property that is written as one. */
export const nameOf = (node: SyntaxNode | undefined): string | undefined => {
  if (node?.type === 'Identifier') return String(node.name)
  return node?.type === 'StringLiteral' ? String(node.value) : undefined
}
