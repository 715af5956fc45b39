// Sums up profiles of Node's inspector: self time (CPU) or self size (allocations) per function, as
// shares, the largest first. Used by profile.mjs and scaling.mjs.
import { fileURLToPath } from 'node:url'

/** `packages/millrace/src/engine/pump.ts`, `node:net`, or `(native)` for V8's own entries. */
const fileOf = (url) => {
  if (url === '') return ''
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  return path
    .replace(/^.*\/packages\/millrace\/dist\/src\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/bench\//, 'bench/')
    .replace(/\.js$/, '')
}

const nameOf = ({ functionName, url, lineNumber }) => {
  const file = fileOf(url)
  const name = functionName || (file === '' ? '(anonymous)' : `(line ${lineNumber + 1})`)
  return file === '' ? name : `${file}:${name}`
}

/** Self values by function, largest first: `[{ name, value, share }]`, with the total. */
const rank = (entries) => {
  const byName = new Map()
  let total = 0
  for (const [frame, value] of entries) {
    const name = nameOf(frame)
    byName.set(name, (byName.get(name) ?? 0) + value)
    total += value
  }
  const rows = [...byName].map(([name, value]) => ({ name, value, share: value / total }))
  return { total, rows: rows.sort((a, b) => b.value - a.value) }
}

/** Self milliseconds per function of a CPU profile; idle time is skipped. */
export const summarizeCpu = ({ nodes, samples, timeDeltas }) => {
  const selfUs = new Map()
  for (const [index, id] of samples.entries()) {
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[index]))
  }
  const isIdle = ({ callFrame }) => ['(idle)', '(root)'].includes(callFrame.functionName)
  return rank(
    nodes
      .filter((node) => !isIdle(node) && selfUs.has(node.id))
      .map((node) => [node.callFrame, selfUs.get(node.id) / 1000]),
  )
}

/** Bytes allocated per function of a sampling heap profile. */
export const summarizeHeap = ({ head }) => {
  const entries = []
  const visit = (node) => {
    if (node.selfSize > 0) entries.push([node.callFrame, node.selfSize])
    for (const child of node.children) visit(child)
  }
  visit(head)
  return rank(entries)
}
