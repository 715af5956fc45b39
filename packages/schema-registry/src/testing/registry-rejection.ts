// What the registry for tests rejects a request with: the HTTP status and Confluent's error number.
// Thrown by the store and the routes, sent by the server.

export class RegistryRejection extends Error {
  readonly code: number
  readonly status: number

  /** The status is the first three digits of the number: 40401 is a 404. */
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
