// The schema registry of the documentation's examples: the one for tests, in its built form, with
// the schema of an order under the subjects that examples write to.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { findRoot } from '../tidy/repository.ts'

const schema = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'total', type: 'int' },
  ],
}

export interface DocRegistry {
  /** `127.0.0.1:43210` */
  readonly address: string
  close(): Promise<void>
}

export const startDocRegistry = async (): Promise<DocRegistry> => {
  const path = join(findRoot(), 'packages/schema-registry/dist/src/testing.js')
  const { SchemaRegistryServer } = await import(pathToFileURL(path).href)
  const server = await SchemaRegistryServer.start()
  for (const subject of ['orders-value', 'avro-value']) await server.register(subject, { schema })
  return { address: new URL(server.url).host, close: () => server.close() }
}
