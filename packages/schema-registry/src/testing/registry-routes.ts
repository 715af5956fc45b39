// The table of requests that the registry for tests serves: the part of Confluent's HTTP API that
// its JavaScript client uses for schemas, configuration, and modes. It owns the SchemaStore and the
// compatibility levels. Caller: registry-server.ts.

import { type CompatibilityLevel, compatibilityLevels, incompatibilities } from './compatibility.ts'
import { serializedText } from './protobuf-descriptor.ts'
import { RegistryRejection } from './registry-rejection.ts'
import {
  compileContent,
  contentOf,
  type SchemaContent,
  type SchemaRequest,
} from './schema-content.ts'
import { SchemaStore, type StoredSchema, type StoredVersion } from './schema-store.ts'

/** A parsed request. */
export interface RouteRequest {
  /** The parts of the path for the `:name` placeholders of the route, in order. */
  readonly parts: readonly string[]
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

type Handle = (routes: RegistryRoutes, request: RouteRequest) => unknown

const modes = ['READWRITE', 'READONLY', 'READONLY_OVERRIDE', 'IMPORT', 'FORWARD']

const isOn = (query: URLSearchParams, name: string): boolean => query.get(name) === 'true'

const isLevel = (level: unknown): level is CompatibilityLevel =>
  compatibilityLevels.includes(level as CompatibilityLevel)

/** The registry's data and its operations. */
export class RegistryRoutes {
  readonly store = new SchemaStore()
  readonly config: Record<string, unknown>
  readonly configs = new Map<string, Record<string, unknown>>()
  readonly modes = new Map<string, string>()
  mode = 'READWRITE'

  constructor(compatibility: CompatibilityLevel) {
    this.config = { compatibilityLevel: compatibility }
  }

  async register(subject: string, request: SchemaRequest, query?: URLSearchParams) {
    const content = await this.content(subject, request, query)
    const mode = this.modes.get(subject) ?? this.mode
    if (mode.startsWith('READONLY')) {
      throw new RegistryRejection(42205, `Subject ${subject} is in read-only mode`)
    }
    await compileContent(content.schemaType, this.store.textOf(content))
    const problems = await this.problems(subject, content, 'all')
    if (problems.length > 0) {
      const what = `Schema being registered is incompatible with an earlier schema for subject`
      throw new RegistryRejection(409, `${what} "${subject}", details: ${JSON.stringify(problems)}`)
    }
    return this.store.register(subject, content)
  }

  content(
    subject: string,
    request: SchemaRequest,
    query?: URLSearchParams,
  ): Promise<SchemaContent> {
    const isRequested = query !== undefined && isOn(query, 'normalize')
    return contentOf(request, isRequested || this.configOf(subject).normalize === true)
  }

  configOf(subject: string): Readonly<Record<string, unknown>> {
    return { ...this.config, ...this.configs.get(subject) }
  }

  /** `version`: one version, or all versions that the level compares with. */
  async problems(subject: string, content: SchemaContent, version: string): Promise<string[]> {
    const level = this.configOf(subject).compatibilityLevel
    if (!isLevel(level)) return []
    const old = this.#comparedVersions(subject, version)
    const compared = old.map(({ stored }) => ({
      schemaType: stored.content.schemaType,
      text: this.store.textOf(stored.content),
    }))
    const { schemaType } = content
    return incompatibilities(level, { schemaType, text: this.store.textOf(content) }, compared)
  }

  #comparedVersions(subject: string, version: string): StoredVersion[] {
    if (version !== 'all') return [this.store.version(subject, version)]
    return this.store.subjects(false).includes(subject) ? this.store.versions(subject) : []
  }

  /** A schema in the form that the client requested. */
  async schemaBody({ content }: StoredSchema, query: URLSearchParams): Promise<object> {
    const { schemaType, references, metadata, ruleSet } = content
    const isSerialized = schemaType === 'PROTOBUF' && query.get('format') === 'serialized'
    const schema = isSerialized
      ? (content.descriptor ?? (await serializedText(this.store.textOf(content), 'default.proto')))
      : content.schema
    return {
      schema,
      // Like Confluent's registry, it omits the type AVRO and empty fields.
      ...(schemaType !== 'AVRO' && { schemaType }),
      ...(references.length > 0 && { references }),
      ...(metadata !== undefined && { metadata }),
      ...(ruleSet !== undefined && { ruleSet }),
    }
  }

  async versionBody(
    { subject, version, stored }: StoredVersion,
    query: URLSearchParams,
  ): Promise<object> {
    const { id, guid } = stored
    return { subject, version, id, guid, ...(await this.schemaBody(stored, query)) }
  }

  setConfig(target: Record<string, unknown>, body: RouteRequest['body']): object {
    const { compatibility, ...others } = body
    if (compatibility !== undefined && !isLevel(compatibility)) {
      throw new RegistryRejection(
        42203,
        'Invalid compatibility level. Valid values are none, backward…',
      )
    }
    Object.assign(
      target,
      others,
      compatibility !== undefined && { compatibilityLevel: compatibility },
    )
    return body
  }
}

const compatibilityBody = (problems: readonly string[], query: URLSearchParams): object => ({
  is_compatible: problems.length === 0,
  ...(isOn(query, 'verbose') && { messages: problems }),
})

const isMode = (mode: unknown): mode is string => modes.includes(mode as string)

const modeOf = ({ mode }: RouteRequest['body']): string => {
  if (isMode(mode)) return mode
  throw new RegistryRejection(42204, `Invalid mode. Valid values are ${modes.join(', ')}.`)
}

const removeVersions = (
  { store }: RegistryRoutes,
  subject: string,
  version: string | undefined,
  isPermanent: boolean,
): number[] => {
  const found =
    version === undefined
      ? store.versions(subject, isPermanent)
      : [store.version(subject, version, isPermanent)]
  const live = found.find(({ isDeleted }) => !isDeleted)
  if (isPermanent && live !== undefined) {
    const [code, what] =
      version === undefined
        ? [40405, `Subject '${subject}' was not deleted first before being permanently deleted`]
        : [40407, `Subject '${subject}' Version ${version} was not deleted first before being ...`]
    throw new RegistryRejection(code as number, what as string)
  }
  return store.remove(subject, found, isPermanent)
}

const withMetadata = ({ store }: RegistryRoutes, { parts, query }: RouteRequest): StoredVersion => {
  const [subject = ''] = parts
  const [keys, values] = [query.getAll('key'), query.getAll('value')]
  const found = store.versions(subject, isOn(query, 'deleted')).findLast(({ stored }) => {
    const { properties = {} } = (stored.content.metadata ?? {}) as { properties?: object }
    return keys.every((key, index) => (properties as never)[key] === values[index])
  })
  if (found !== undefined) return found
  throw new RegistryRejection(40402, 'Version not found for the metadata.')
}

const table: Readonly<Record<string, Handle>> = {
  'GET /': () => ({}),
  'GET /schemas/types': () => ['JSON', 'PROTOBUF', 'AVRO'],
  'GET /contexts': () => ['.'],
  'GET /subjects': ({ store }, { query }) =>
    store
      .subjects(isOn(query, 'deleted'))
      .filter((subject) => subject.startsWith(query.get('subjectPrefix') ?? '')),
  'GET /schemas/ids/:id': (routes, { parts, query }) =>
    routes.schemaBody(routes.store.schemaById(Number(parts[0])), query),
  'GET /schemas/ids/:id/schema': ({ store }, { parts }) =>
    JSON.parse(store.schemaById(Number(parts[0])).content.schema),
  'GET /schemas/ids/:id/subjects': ({ store }, { parts }) =>
    store.placesOf(store.schemaById(Number(parts[0])).id).map(({ subject }) => subject),
  'GET /schemas/ids/:id/versions': ({ store }, { parts }) =>
    store
      .placesOf(store.schemaById(Number(parts[0])).id)
      .map(({ subject, version }) => ({ subject, version })),
  'GET /schemas/guids/:guid': (routes, { parts, query }) =>
    routes.schemaBody(routes.store.schemaByGuid(parts[0]!), query),
  'POST /subjects/:subject': async (routes, { parts, query, body }) => {
    const [subject = ''] = parts
    const content = await routes.content(subject, body, query)
    return routes.versionBody(routes.store.lookUp(subject, content, isOn(query, 'deleted')), query)
  },
  'DELETE /subjects/:subject': (routes, { parts, query }) =>
    removeVersions(routes, parts[0]!, undefined, isOn(query, 'permanent')),
  'GET /subjects/:subject/versions': ({ store }, { parts, query }) =>
    store.versions(parts[0]!, isOn(query, 'deleted')).map(({ version }) => version),
  'POST /subjects/:subject/versions': async (routes, { parts, query, body }) => {
    const { stored, version } = await routes.register(parts[0]!, body, query)
    const { id, guid } = stored
    return { id, version, guid, ...(await routes.schemaBody(stored, query)) }
  },
  'GET /subjects/:subject/metadata': (routes, request) =>
    routes.versionBody(withMetadata(routes, request), request.query),
  'GET /subjects/:subject/versions/:version': (routes, { parts, query }) => {
    const found = routes.store.version(parts[0]!, parts[1]!, isOn(query, 'deleted'))
    return routes.versionBody(found, query)
  },
  'GET /subjects/:subject/versions/:version/schema': ({ store }, { parts }) =>
    JSON.parse(store.version(parts[0]!, parts[1]!).stored.content.schema),
  'GET /subjects/:subject/versions/:version/referencedby': ({ store }, { parts }) =>
    store.referencedBy(parts[0]!, store.version(parts[0]!, parts[1]!).version),
  'DELETE /subjects/:subject/versions/:version': (routes, { parts, query }) =>
    removeVersions(routes, parts[0]!, parts[1], isOn(query, 'permanent'))[0],
  'POST /compatibility/subjects/:subject/versions': async (routes, { parts, query, body }) => {
    const content = await routes.content(parts[0]!, body, query)
    return compatibilityBody(await routes.problems(parts[0]!, content, 'all'), query)
  },
  'POST /compatibility/subjects/:subject/versions/:version': async (routes, request) => {
    const { parts, query, body } = request
    const content = await routes.content(parts[0]!, body, query)
    return compatibilityBody(await routes.problems(parts[0]!, content, parts[1]!), query)
  },
  'GET /config': ({ config }) => config,
  'PUT /config': (routes, { body }) => routes.setConfig(routes.config, body),
  'GET /config/:subject': (routes, { parts, query }) => {
    const found = routes.configs.get(parts[0]!)
    if (found !== undefined) return found
    if (isOn(query, 'defaultToGlobal')) return routes.config
    const what = `Subject '${parts[0]}' does not have subject-level compatibility configured`
    throw new RegistryRejection(40408, what)
  },
  'PUT /config/:subject': (routes, { parts, body }) => {
    const config = routes.configs.get(parts[0]!) ?? {}
    const response = routes.setConfig(config, body)
    routes.configs.set(parts[0]!, config)
    return response
  },
  'DELETE /config/:subject': ({ configs }, { parts }) => {
    const { compatibilityLevel = 'BACKWARD' } = configs.get(parts[0]!) ?? {}
    configs.delete(parts[0]!)
    return { compatibilityLevel }
  },
  'GET /mode': ({ mode }) => ({ mode }),
  'PUT /mode': (routes, { body }) => {
    routes.mode = modeOf(body)
    return { mode: routes.mode }
  },
  'GET /mode/:subject': ({ modes, mode }, { parts, query }) => {
    const found = modes.get(parts[0]!)
    if (found !== undefined) return { mode: found }
    if (isOn(query, 'defaultToGlobal')) return { mode }
    throw new RegistryRejection(
      40409,
      `Subject '${parts[0]}' does not have subject-level mode configured`,
    )
  },
  'PUT /mode/:subject': ({ modes }, { parts, body }) => {
    modes.set(parts[0]!, modeOf(body))
    return { mode: modeOf(body) }
  },
  'DELETE /mode/:subject': ({ modes, mode }, { parts }) => {
    const found = modes.get(parts[0]!) ?? mode
    modes.delete(parts[0]!)
    return { mode: found }
  },
}

const routes = Object.entries(table).map(([key, handle]) => {
  const [method, path = ''] = key.split(' ')
  return { method, pattern: path.split('/').slice(1), handle }
})

/** The route of a request with the values of its placeholders; null if there is none. */
export const findRoute = (
  method: string,
  path: string,
): { readonly handle: Handle; readonly parts: readonly string[] } | null => {
  const given = path.split('/').slice(1)
  if (given.length > 1 && given.at(-1) === '') given.pop()
  for (const { method: one, pattern, handle } of routes) {
    if (one !== method || pattern.length !== given.length) continue
    const isSame = pattern.every((part, index) => part.startsWith(':') || part === given[index])
    if (!isSame) continue
    const parts = given.filter((_, index) => pattern[index]!.startsWith(':'))
    return { handle, parts: parts.map(decodeURIComponent) }
  }
  return null
}
