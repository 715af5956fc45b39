// Every link of every page leads somewhere: to a file of the repository, and to a heading of it
// where it names one. Headings become anchors as GitHub makes them. The pages tell what they are
// for before anything else, and each can be reached from the README.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { findRoot, readRepository } from '../tidy/repository.ts'
import { anchorsOf, linksOf, prose } from './page-links.ts'

const root = findRoot()

/** Pages that people read; reports that tools write have no links of their own. */
const pages = readRepository(root).filter(
  ({ path }) => path.endsWith('.md') && !path.startsWith('docs/api/'),
)

/** What is wrong with a link; null = nothing. */
const problemOf = (path: string, link: string): string | null => {
  if (/^(https?|mailto):/.test(link)) return null
  const [file = '', anchor] = link.split('#')
  const target = file === '' ? join(root, path) : join(root, dirname(path), file)
  const name = relative(root, target)
  if (!existsSync(target)) return `${path}: ${link} leads nowhere`
  if (anchor === undefined) return null
  const hasIt = anchorsOf(readFileSync(target, 'utf8')).has(anchor)
  return hasIt ? null : `${path}: ${name} has no heading for #${anchor}`
}

test('every link inside the repository resolves, its anchor too', (context) => {
  const links = pages.flatMap(({ path, text }) => linksOf(text).map((link) => ({ path, link })))
  assert.ok(links.length > 60, `${links.length} links`)
  const problems = links.map(({ path, link }) => problemOf(path, link))
  assert.deepEqual(
    problems.filter((one) => one !== null),
    [],
  )
  context.diagnostic(`${links.length} links in ${pages.length} pages`)
})

test('a link to a missing file or heading is found', () => {
  assert.equal(problemOf('README.md', 'docs/options.md#names-in-other-clients'), null)
  assert.match(problemOf('README.md', 'docs/no-such.md') ?? '', /leads nowhere/)
  assert.match(problemOf('README.md', 'docs/options.md#nothing') ?? '', /no heading for #nothing/)
  const text = "## From Java's stores\n## `a` and [b](c.md)\n## a\n## A\n```sh\n# no heading\n```\n"
  assert.deepEqual([...anchorsOf(text)], ['from-javas-stores', 'a-and-b', 'a', 'a-1'])
})

test('the README leads to every page under docs/', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const linked = new Set(linksOf(readme).map((link) => link.split('#')[0]))
  const unlinked = pages.map(({ path }) => path).filter((path) => /^docs\/[^/]+\.md$/.test(path))
  assert.deepEqual(
    unlinked.filter((path) => !linked.has(path)),
    [],
  )
})

test('a page opens with its title, then says what it is for', () => {
  for (const { path, text } of pages.filter(({ path }) => path.startsWith('docs/'))) {
    const [title = '', blank, first = ''] = text.replace(/^<!--.*-->\n\n/m, '').split('\n')
    assert.match(title, /^# \S/, path)
    assert.equal(blank, '', path)
    assert.match(first, /^[\p{L}`*[]/u, `${basename(path)} opens with: ${first}`)
  }
})

test('blocks of code in README and docs say their language; lines are at most 100 wide', () => {
  for (const { path, text } of pages.filter(({ path }) => /^(README|docs\/)/.test(path))) {
    const fences = text.split('\n').filter((line) => line.startsWith('```'))
    assert.ok(
      fences.every((line, index) => (index % 2 === 0) === line.length > 3),
      path,
    )
    // Tables can't be wrapped, and generated pages are as they are.
    if (text.includes('Made by scripts')) continue
    const wide = prose(text)
      .split('\n')
      .filter((line) => !line.startsWith('|') && !line.startsWith('<!--'))
      .filter((line) => [...line].length > 100)
    assert.deepEqual(wide, [], path)
  }
})
