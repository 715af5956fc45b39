// A schema registry as small as the examples of the documentation allow: every subject has one Avro
// schema, of an order, and whatever is registered gets an id.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const schema = JSON.stringify({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'total', type: 'int' },
  ],
})

export interface DocRegistry {
  /** `127.0.0.1:43210` */
  readonly address: string
  close(): Promise<void>
}

export const startDocRegistry = async (): Promise<DocRegistry> => {
  const server = createServer((request, response) => {
    request.resume()
    response.end(JSON.stringify(request.method === 'POST' ? { id: 2 } : { id: 1, schema }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
