// A schema registry on a port of its own that checks what it is asked, counts it, and fails where a
// test says so. Used by the tests of the serializers.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface DoubleSchema {
  readonly id: number
  readonly subject: string
  readonly version: number
  readonly schema: string
  readonly schemaType: string
  readonly references: readonly object[]
}

type Input = Pick<DoubleSchema, 'schema' | 'schemaType' | 'references'>

const contentType = 'application/vnd.schemaregistry.v1+json'

export class RegistryDouble {
  readonly schemas: DoubleSchema[] = []
  /** `POST /subjects/orders-value/versions` */
  readonly requests: string[] = []
  /** Statuses that the next requests get instead of their answers. */
  readonly failures: number[] = []
  /** What the authorization header must be. */
  authorization: string | undefined
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error) => response.destroy(error))
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  add(subject: string, input: Partial<Input> & { schema: string }): DoubleSchema {
    const { schema, schemaType = 'AVRO', references = [] } = input
    const version = this.schemas.filter((one) => one.subject === subject).length + 1
    const id = 100 + this.schemas.length
    const added = { id, subject, version, schema, schemaType, references }
    this.schemas.push(added)
    return added
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests.push(`${request.method} ${request.url}`)
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const [status, body] = this.#respond(request, text)
    response.writeHead(status, { 'content-type': contentType }).end(JSON.stringify(body))
  }

  #respond(request: IncomingMessage, text: string): [status: number, body: object] {
    const failure = this.failures.shift()
    if (failure !== undefined)
      return [failure, { error_code: failure * 100, message: 'on purpose' }]
    const { headers, method, url = '' } = request
    if (headers.accept !== contentType) return [406, {}]
    if (headers.authorization !== this.authorization) {
      return [401, { error_code: 40101, message: 'Unauthorized' }]
    }
    const [, subjects, subject = '', versions, version] = url.split('/').map(decodeURIComponent)
    if (subjects !== 'subjects') return [404, { error_code: 404, message: 'HTTP 404 Not Found' }]
    if (method === 'GET' && versions === 'versions') return this.#find(subject, version)
    if (headers['content-type'] !== contentType) return [415, {}]
    return this.#takeSchema(subject, JSON.parse(text), versions === 'versions')
  }

  #find(subject: string, version: string | undefined): [number, object] {
    const all = this.schemas.filter((one) => one.subject === subject)
    if (all.length === 0) return [404, { error_code: 40401, message: 'Subject not found.' }]
    const found =
      version === 'latest' ? all.at(-1) : all.find((one) => `${one.version}` === version)
    if (found === undefined) return [404, { error_code: 40402, message: 'Version not found.' }]
    const { schemaType, references, ...rest } = found
    // As the real one: AVRO, and no references, are left out.
    const type = schemaType === 'AVRO' ? {} : { schemaType }
    return [200, { ...rest, ...type, ...(references.length > 0 ? { references } : {}) }]
  }

  #takeSchema(subject: string, input: Input, registers: boolean): [number, object] {
    const same = (one: DoubleSchema): boolean =>
      one.subject === subject && one.schema === input.schema && one.schemaType === input.schemaType
    const found = this.schemas.find(same)
    if (found !== undefined) return [200, { id: found.id }]
    if (!registers) return [404, { error_code: 40403, message: 'Schema not found' }]
    return [200, { id: this.add(subject, input).id }]
  }
}
