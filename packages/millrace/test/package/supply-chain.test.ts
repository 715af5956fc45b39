// What comes along with the packages: no code that runs while they are installed, licences that let
// anyone use them, and each version pinned by its digest. Read from the lock file and from what is
// installed here; whether a known weakness is among them is for `npm run audit`.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findRoot } from '../tidy/repository.ts'

/** Anyone may use these in any product; the others need a decision first. */
const allowedLicences = ['Apache-2.0', 'MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD']

interface LockEntry {
  readonly version?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly dev?: boolean
  readonly license?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

type Packages = Readonly<Record<string, LockEntry>>

const root = findRoot()
const readLock = (path: string): Packages =>
  (JSON.parse(readFileSync(join(root, path), 'utf8')) as { packages: Packages }).packages

const main = readLock('package-lock.json')
const tools = readLock('packages/millrace/test/package/tools/package-lock.json')
const projects = readLock('packages/millrace/test/package/projects/tools/package-lock.json')

const isForeign = ([path, { link }]: readonly [string, LockEntry]): boolean =>
  path.includes('node_modules/') && link !== true

/** Where Node finds a package from a place of the tree. */
const resolveFrom = (packages: Packages, place: string, name: string): string | null => {
  for (let folder = place; ; folder = folder.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const path = `${folder}${folder === '' ? '' : '/'}node_modules/${name}`
    if (path in packages) return path
    if (!folder.includes('node_modules/')) {
      return `node_modules/${name}` in packages ? `node_modules/${name}` : null
    }
  }
}

/** What users get: all that our packages depend on, and what those do, for every platform. */
const productionPaths = (packages: Packages): string[] => {
  const found = new Set<string>()
  const visit = (place: string): void => {
    const { dependencies, optionalDependencies } = packages[place]!
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = resolveFrom(packages, place, name)
      assert.ok(path, `${name}, which ${place} depends on, is in the lock file`)
      if (found.has(path)) continue
      found.add(path)
      if (packages[path]!.link !== true) visit(path)
    }
  }
  for (const place of Object.keys(packages)) if (/^packages\/[^/]+$/.test(place)) visit(place)
  return [...found].filter((path) => packages[path]!.link !== true)
}

/** The names in a licence's expression, and whether what it requires is allowed. */
const isAllowed = (licence: string): boolean => {
  const plain = licence.replace(/^\((.*)\)$/, '$1')
  if (plain.includes(' OR ')) return plain.split(' OR ').some(isAllowed)
  return plain.split(' AND ').every((name) => allowedLicences.includes(name.trim()))
}

const licenceOf = (path: string): string => {
  const manifest = join(root, path, 'package.json')
  const declared = existsSync(manifest)
    ? JSON.parse(readFileSync(manifest, 'utf8')).license
    : undefined
  return String(declared ?? main[path]!.license ?? 'none declared')
}

describe('what is installed with our packages', () => {
  const production = productionPaths(main)

  it('is listed in full', () => {
    for (const name of ['snappy', 'lz4-napi', '@node-rs/crc32', 'oauth4webapi', 'commander']) {
      assert.ok(production.includes(`node_modules/${name}`), name)
    }
    assert.ok(production.some((path) => path.includes('darwin-arm64')))
  })

  it('runs nothing while it is installed, here and for users', () => {
    const running = Object.entries(main).filter(([, entry]) => entry.hasInstallScript)
    assert.deepEqual(
      running.map(([path]) => path),
      [],
    )
  })

  it('has permissive licenses', () => {
    const others = production.filter((path) => !isAllowed(licenceOf(path)))
    assert.deepEqual(
      others.map((path) => `${path}: ${licenceOf(path)}`),
      [],
    )
  })

  it('a license with further conditions would be found', () => {
    assert.ok(isAllowed('MIT') && isAllowed('(MIT OR GPL-3.0)') && isAllowed('MIT AND ISC'))
    assert.ok(
      !isAllowed('GPL-3.0') && !isAllowed('(MIT AND GPL-3.0)') && !isAllowed('none declared'),
    )
  })

  it('has one version of each dependency of the library', () => {
    const names = Object.keys(main['packages/millrace']!.dependencies ?? {})
    assert.ok(names.length > 5)
    for (const name of names) {
      const places = Object.keys(main).filter((path) => path.endsWith(`node_modules/${name}`))
      assert.equal(places.length, 1, `${name}: ${places}`)
    }
  })
})

describe('the lock files', () => {
  for (const [name, packages] of Object.entries({ main, tools, projects })) {
    it(`pin every package by its digest: ${name}`, () => {
      const entries = Object.entries(packages).filter(isForeign)
      assert.ok(entries.length > 50)
      const loose = entries.filter(([, entry]) => !/^sha512-/.test(entry.integrity ?? ''))
      assert.deepEqual(
        loose.map(([path]) => path),
        [],
      )
    })
  }

  it('agree with the manifests', () => {
    for (const [place, entry] of Object.entries(main)) {
      if (place !== '' && !/^packages\/[^/]+$/.test(place)) continue
      const manifest = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8'))
      for (const kind of ['dependencies', 'devDependencies', 'peerDependencies'] as const) {
        const locked = (entry as Record<string, object | undefined>)[kind] ?? {}
        assert.deepEqual(locked, manifest[kind] ?? {}, `${place || 'the workspace'}: ${kind}`)
      }
    }
  })
})
