// Rules about a file's text and name: sizes, names, characters, leftovers, and words that would tie
// the repository to one machine or one registry.

import type { RepositoryFile, Violation } from './repository.ts'

export const columnsMax = 100
export const sourceLinesMax = 500
export const testLinesMax = 700

const codeExtension = /\.(ts|mjs|js|java)$/
const isTestFile = (path: string): boolean => /^packages\/[^/]+\/test\//.test(path)

/** Runs `check` over each line; what it returns is the message. */
const eachLine = (
  file: RepositoryFile,
  check: (line: string) => string | null | undefined,
): Violation[] =>
  file.text.split('\n').flatMap((line, index) => {
    const message = check(line)
    return message ? [{ path: file.path, line: index + 1, message }] : []
  })

const lineCount = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)

export const checkSize = (file: RepositoryFile): Violation[] => {
  if (!codeExtension.test(file.path)) return []
  const linesMax = isTestFile(file.path) ? testLinesMax : sourceLinesMax
  const lines = lineCount(file.text)
  const tooLong =
    lines > linesMax
      ? [{ path: file.path, line: 0, message: `${lines} lines; at most ${linesMax} are allowed` }]
      : []
  const tooWide = eachLine(file, (line) =>
    [...line].length > columnsMax
      ? `${[...line].length} columns; at most ${columnsMax} are allowed`
      : null,
  )
  return [...tooLong, ...tooWide]
}

/** Java's compiler wants a file to be named as its class. */
const javaName = /^[A-Z][A-Za-z0-9]*\.java$/
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/
/** A translated page says its language as browsers do: `layers.zh-CN.md`. */
const languageTag = /\.[a-z]{2}-[A-Z]{2}(?=\.md$)/

/**
 * Folders and files below these are named in kebab-case; `__x__` and dot files are tools' names.
 */
export const checkName = ({ path }: RepositoryFile): Violation[] => {
  if (!/^(packages|scripts|bench|docs)\//.test(path)) return []
  return path
    .split('/')
    .filter((part) => !part.startsWith('.') && !/^[A-Z]+(\.md)?$/.test(part))
    .filter((part) => !kebabCase.test(part.replace(languageTag, '')) && !javaName.test(part))
    .map((part) => ({ path, line: 0, message: `${part} is not in kebab-case` }))
}

// All that is below 32 but tab and newline, delete and its neighbours, and the marks that turn the
// direction of text: none of them can be seen.
const unseen = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
] as const

const isUnseen = (character: string): boolean => {
  const code = character.codePointAt(0) ?? 0
  return unseen.some(([first, last]) => code >= first && code <= last)
}

export const checkCharacters = (file: RepositoryFile): Violation[] => {
  const found = eachLine(file, (line) => {
    const character = [...line].find(isUnseen)?.codePointAt(0)
    if (character !== undefined) return `control character U+${character.toString(16)}`
    if (line.includes('\ufffd')) return 'bytes that are not UTF-8'
    return codeExtension.test(file.path) && line.includes('\t') ? 'a tab; indent by spaces' : null
  })
  const isWhole = file.text === '' || file.text.endsWith('\n')
  const cutOff = { path: file.path, line: 0, message: 'does not end with a newline' }
  return codeExtension.test(file.path) && !isWhole ? [...found, cutOff] : found
}

// Spelled so that the pattern does not match itself.
const leftover = /\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K|SKEL[E]TON)\b|^(<{7}|={7}|>{7})( |$)/

export const checkLeftovers = (file: RepositoryFile): Violation[] =>
  eachLine(file, (line) => {
    const found = leftover.exec(line)?.[0].trim()
    return found ? `${found} left over: finish it or file an issue` : null
  })

// Written so that the patterns do not match themselves.
const machinePath = /(?<![\w.@~$}-])\/(work|root|tmp|Users|home\/[a-z]+)(?=\/)/
const registryHost = new RegExp(
  [
    'registry\\.(npmjs|yarnpkg|npmmirror)\\.',
    '\\brepo1?\\.maven\\.',
    '\\bproxy\\.golang\\.',
    '\\bpypi\\.(org|python)',
    '\\bcrates\\.io',
    '\\bdeb\\.debian\\.',
    '\\b(artifactory|nexus|verdaccio)\\.[a-z]',
  ].join('|'),
)

export const checkPlaces = (file: RepositoryFile): Violation[] =>
  eachLine(file, (line) => {
    const path = machinePath.exec(line)?.[0]
    if (path !== undefined) return `${path}/… is a path of one machine (tests: os.tmpdir())`
    const host = registryHost.exec(line)?.[0]
    return host === undefined ? null : `${host} names a registry's host`
  })

interface LockEntry {
  readonly version?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** The lock file names no host, and is whole: npm drops optional packages that it could not see. */
export const checkLockFile = (file: RepositoryFile): Violation[] => {
  if (file.path !== 'package-lock.json') return []
  const lock = JSON.parse(file.text) as { packages: Record<string, LockEntry> }
  const found: Violation[] = []
  const report = (message: string) => found.push({ path: file.path, line: 0, message })
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (!path.includes('node_modules/')) continue
    if (!entry.link && entry.resolved !== undefined) report(`${path} names where it came from`)
    if (!entry.link && entry.version === undefined) report(`${path} has no version`)
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      const known = [`node_modules/${name}`, `${path}/node_modules/${name}`]
      if (!known.some((place) => place in lock.packages)) report(`${path} lacks ${name}`)
    }
  }
  return found
}

// Written so that the pattern does not match itself.
/** Words that this project does not use; CONTRIBUTING.md says which words it uses. */
const unusedWords = new RegExp(
  '\\b(to[l]d|men[d](s|ed|ing)?|whoeve[r]|nobod[y]|somebod[y]|alou[d]|hencefort[h]|deare[r]|' +
    'in vai[n]|wis[h](es|ed)?|patien[t](ly)?|patienc[e]|poiso[n](s|ed|ing)?|dea[f]|' +
    'struc[k]|strike[s]|misfortun[e]s?|innocen[t]|as[k](s|ed|ing)?|misha[p]s?|verdic[t]s?|' +
    'strange[r]s?|graves[t]|hast[y]|tall[y]|obe[y](s|ed)?|believe[d]|tha[w]s?|parke[d]|' +
    'le(ft|ave|aves|aving) ou[t]|g(ave|ive|ives|iven|iving) u[p]|for goo[d]|doub[t](s|ed|ful)?)\\b',
  'i',
)

/** Translated pages have their own words. */
const hasCheckedWords = (path: string): boolean =>
  (/^packages\/[^/]+\/(src|test)\//.test(path) || /^(docs|scripts|bench)\//.test(path)) &&
  /\.(ts|mjs|md|java)$/.test(path) &&
  !/zh-CN/.test(path)

export const checkWords = (file: RepositoryFile): Violation[] =>
  hasCheckedWords(file.path)
    ? eachLine(file, (line) => {
        const word = unusedWords.exec(line)?.[0]
        return word === undefined ? null : `"${word}" is not used here: write plain English`
      })
    : []

export const textRules = [
  checkWords,
  checkSize,
  checkName,
  checkCharacters,
  checkLeftovers,
  checkPlaces,
  checkLockFile,
] as const
