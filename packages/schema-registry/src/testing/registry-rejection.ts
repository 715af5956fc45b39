// The error of a rejected request in the registry for tests: the HTTP status and Confluent's error
// number. schema-store.ts, schema-content.ts, and the routes throw it; registry-server.ts sends it
// as a response.

export class RegistryRejection extends Error {
  readonly code: number
  readonly status: number

  /** The status is the first three digits of the number: 40401 means status 404. */
  constructor(code: number, message: string) {
    super(message)
    this.code = code
    this.status = code < 1000 ? code : Math.floor(code / 100)
  }
}

export const subjectNotFound = (subject: string): RegistryRejection =>
  new RegistryRejection(40401, `Subject '${subject}' not found.`)

export const versionNotFound = (version: string | number): RegistryRejection =>
  new RegistryRejection(40402, `Version ${version} not found.`)

export const schemaNotFound = (): RegistryRejection =>
  new RegistryRejection(40403, 'Schema not found')

export const invalidSchema = (reason: string): RegistryRejection =>
  new RegistryRejection(42201, `Invalid schema: ${reason}`)
