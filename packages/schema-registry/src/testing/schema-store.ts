// The subjects, versions, and ids of the registry for tests. An id belongs to a schema, not to a
// subject, and must never be reused. A deletion is soft first and then permanent. Caller:
// registry-routes.ts.

import type { SchemaReference } from '../client/schema-registry.ts'
import type { SchemaText } from '../formats/schema-format.ts'
import {
  RegistryRejection,
  schemaNotFound,
  subjectNotFound,
  versionNotFound,
} from './registry-rejection.ts'
import { guidOf, type SchemaContent } from './schema-content.ts'

/** A schema with its id. */
export interface StoredSchema {
  readonly id: number
  readonly guid: string
  readonly content: SchemaContent
}

/** A version of a subject. */
export interface StoredVersion {
  readonly subject: string
  readonly version: number
  readonly stored: StoredSchema
  isDeleted: boolean
}

export class SchemaStore {
  readonly #subjects = new Map<string, StoredVersion[]>()
  readonly #byIdentity = new Map<string, StoredSchema>()
  #nextId = 1

  subjects(withDeleted: boolean): string[] {
    const names = [...this.#subjects].filter(([, all]) =>
      all.some(({ isDeleted }) => withDeleted || !isDeleted),
    )
    return names.map(([subject]) => subject)
  }

  /** The versions of a subject, oldest first; throws if it does not exist. */
  versions(subject: string, withDeleted = false): StoredVersion[] {
    const all = this.#subjects.get(subject) ?? []
    const found = all.filter(({ isDeleted }) => withDeleted || !isDeleted)
    if (found.length === 0) throw subjectNotFound(subject)
    return found
  }

  /** `'latest'`, `'-1'` or a number. */
  version(subject: string, version: string, withDeleted = false): StoredVersion {
    const all = this.versions(subject, withDeleted)
    if (version === 'latest' || version === '-1') return all.at(-1)!
    if (!/^[1-9]\d{0,9}$/.test(version)) {
      throw new RegistryRejection(
        42202,
        `The specified version '${version}' is not a valid version id.`,
      )
    }
    const found = all.find((one) => one.version === Number(version))
    if (found === undefined) throw versionNotFound(version)
    return found
  }

  schemaById(id: number): StoredSchema {
    const found = [...this.#byIdentity.values()].find((one) => one.id === id)
    if (found === undefined) throw schemaNotFound()
    return found
  }

  schemaByGuid(guid: string): StoredSchema {
    const found = [...this.#byIdentity.values()].find((one) => one.guid === guid)
    if (found === undefined) throw schemaNotFound()
    return found
  }

  /** The subjects and versions of a schema, without deleted versions. */
  placesOf(id: number): StoredVersion[] {
    return [...this.#subjects.values()]
      .flat()
      .filter(({ stored, isDeleted }) => stored.id === id && !isDeleted)
  }

  /** The version of the subject that has this content; throws if there is none. */
  lookUp(subject: string, content: SchemaContent, withDeleted = false): StoredVersion {
    const all = this.versions(subject, withDeleted)
    const found =
      all.findLast(({ stored }) => stored.content.identity === content.identity) ??
      all.findLast(({ stored }) => isSameBut(stored.content, content))
    if (found === undefined) throw schemaNotFound()
    return found
  }

  /** The existing version with this content, or a new one. */
  register(subject: string, content: SchemaContent): StoredVersion {
    const all = this.#subjects.get(subject) ?? []
    this.#subjects.set(subject, all)
    const live = all.filter(({ isDeleted }) => !isDeleted)
    const same = live.find(({ stored }) => stored.content.identity === content.identity)
    if (same !== undefined) return same
    const stored = this.#stored(content)
    const version = (all.at(-1)?.version ?? 0) + 1
    const added = { subject, version, stored, isDeleted: false }
    all.push(added)
    return added
  }

  #stored(content: SchemaContent): StoredSchema {
    const same = this.#byIdentity.get(content.identity)
    if (same !== undefined) return same
    const stored = { id: this.#nextId++, guid: guidOf(content), content }
    this.#byIdentity.set(content.identity, stored)
    return stored
  }

  /** Marks versions as deleted, or removes the marked ones permanently. Returns their numbers. */
  remove(subject: string, versions: readonly StoredVersion[], isPermanent: boolean): number[] {
    for (const one of versions) {
      const users = this.referencedBy(subject, one.version)
      if (users.length > 0) {
        const message = `One or more references exist to the schema ${subject} v${one.version}.`
        throw new RegistryRejection(42206, message)
      }
    }
    const all = this.#subjects.get(subject) ?? []
    if (isPermanent) {
      this.#subjects.set(
        subject,
        all.filter((one) => !versions.includes(one)),
      )
    } else for (const one of versions) one.isDeleted = true
    return versions.map(({ version }) => version)
  }

  /** The ids of schemas that reference a version. */
  referencedBy(subject: string, version: number): number[] {
    const refers = (one: SchemaReference) => one.subject === subject && one.version === version
    const live = [...this.#subjects.values()].flat().filter(({ isDeleted }) => !isDeleted)
    const users = live.filter(({ stored }) => stored.content.references.some(refers))
    return [...new Set(users.map(({ stored }) => stored.id))]
  }

  /** A schema with the schemas that it references, in the order in which they can be compiled. */
  textOf(content: Pick<SchemaContent, 'schema' | 'references'>): SchemaText {
    const imports = new Map<string, string>()
    const visit = (references: readonly SchemaReference[]) => {
      for (const { name, subject, version } of references) {
        if (imports.has(name)) continue
        const { stored } = this.version(subject, String(version), true)
        visit(stored.content.references)
        imports.set(name, stored.content.schema)
      }
    }
    visit(content.references)
    return { schema: content.schema, imports: [...imports] }
  }
}

/** A client that looks up a schema does not have to send its metadata and rules. */
const isSameBut = (stored: SchemaContent, requested: SchemaContent): boolean => {
  if (requested.metadata !== undefined || requested.ruleSet !== undefined) return false
  const { metadata, ruleSet } = stored
  if (metadata === undefined && ruleSet === undefined) return false
  const bare = (text: string): string => JSON.stringify(JSON.parse(text).slice(0, 3))
  return bare(stored.identity) === bare(requested.identity)
}
