// The entry point for tests, `@millrace/schema-registry/testing`: a schema registry without Docker.

export type { CompatibilityLevel } from './testing/compatibility.ts'
export {
  type RegistryFault,
  SchemaRegistryServer,
  type SchemaRegistryServerOptions,
  type ServerSchema,
} from './testing/registry-server.ts'
