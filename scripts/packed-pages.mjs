// The pages that a package carries, for pack.mjs: the library its README and every page that can be
// reached from there, each other package the page that introduces it. A link that leads to a file
// which is not in the tarball becomes its text, so that every link leads somewhere.

import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path/posix'
import { root, ScriptError } from './workspace.mjs'

/** The pages that introduce the packages beside the library. */
const introductions = {
  cli: 'docs/cli.md',
  console: 'docs/console.md',
  kafkajs: 'docs/from-kafkajs.md',
  nestjs: 'docs/nestjs.md',
  opentelemetry: 'docs/telemetry.md',
  prometheus: 'docs/telemetry.md',
  'schema-registry': 'docs/schema-registry.md',
}

const read = (path) => readFileSync(join(root, path), 'utf8')

/**
 * Pages that are not in the library's tarball: those for contributors, reports of measurements, and
 * the pages of packages that are installed separately and carry their own.
 */
const notPacked = ['decisions', 'measurements', 'cli', 'console', 'nestjs', 'schema-registry'].map(
  (name) => `docs/${name}.md`,
)

/** The API reference is not packed either: the declarations are in the package. */
const isCarried = (path) =>
  /^(docs\/[^/]+|README(\.[\w-]+)?|SECURITY)\.md$/.test(path) && !notPacked.includes(path)

const aboutPackage = `## License

[Apache-2.0](LICENSE). [SECURITY.md](SECURITY.md) describes how to report a vulnerability.
`

/** What concerns the repository, and not who installs the package. */
const withoutRepository = (readme) => {
  const start = readme.search(/\n## (?:In this repository|在本仓库中)\n/)
  if (start < 0) throw new ScriptError('A README has no section "In this repository".')
  return `${readme.slice(0, start)}\n${aboutPackage}`
}

/** Replaces the links of a page's prose; code blocks stay as they are. */
const mapLinks = (text, replace) =>
  text
    .split(/^(```[\s\S]*?^```$)/m)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replaceAll(/(?<!`)\[([^\]]*)\]\(([^)\s]+)\)/g, replace),
    )
    .join('')

const targetOf = (page, link) => normalize(join(dirname(page), link.split('#')[0]))

const isOutside = (link) => /^(https?|mailto):/.test(link)

const libraryPages = () => {
  const pages = new Map()
  const waiting = ['README.md']
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (pages.has(path)) continue
    const text = path.startsWith('README') ? withoutRepository(read(path)) : read(path)
    const mapped = mapLinks(text, (whole, label, link) => {
      if (isOutside(link) || link.startsWith('#') || link === 'LICENSE') return whole
      const target = targetOf(path, link)
      if (!isCarried(target)) return label
      waiting.push(target)
      return whole
    })
    pages.set(path, mapped)
  }
  return pages
}

const note =
  '\nPages that are named here without a link are in the folder `docs` of the package `millrace`.\n'

const introduction = (page) => {
  let isCut = false
  const text = mapLinks(read(page), (whole, label, link) => {
    if (isOutside(link) || link.startsWith('#')) return whole
    if (targetOf(page, link) === page) return `[${label}](${link.slice(link.indexOf('#'))})`
    isCut = true
    return label
  })
  return isCut ? text + note : text
}

/** The pages of a package, by their paths in its tarball. `name` is that of its folder. */
export const packedPages = (name) =>
  name === 'millrace' ? libraryPages() : new Map([['README.md', introduction(introductions[name])]])
