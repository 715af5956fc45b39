// The entry point @millrace/schema-registry/testing: a schema registry for tests, without Docker.
// It lists every public name by hand.

export type { CompatibilityLevel } from './testing/compatibility.ts'
export {
  type RegistryFault,
  SchemaRegistryServer,
  type SchemaRegistryServerOptions,
  type ServerSchema,
} from './testing/registry-server.ts'
