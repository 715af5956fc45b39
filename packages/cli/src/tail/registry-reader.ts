// Reads records that were written with the schemas of a registry, for `tail --registry`. The
// package that does it, with its libraries for each format, is loaded only then.

import { printableText, type TopicRecord } from 'millrace'
import { Failure } from '../describe-failure.ts'

/** A record with what its key and value say: bytes as they are, or what was made of them. */
export interface ReadRecord extends Omit<TopicRecord, 'key' | 'value'> {
  readonly key: Buffer | Decoded | null
  readonly value: Buffer | Decoded | null
}

/** A value that a schema describes. */
export class Decoded {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

export interface RegistryReaderOptions {
  readonly url: string
  readonly readsKeys: boolean
  /** Called for what is not a record of the registry: it is printed as it is. */
  readonly onUnreadable: (message: string) => void
}

export type ReadWithRegistry = (record: TopicRecord) => Promise<ReadRecord>

export const registryReader = async ({
  url,
  readsKeys,
  onUnreadable,
}: RegistryReaderOptions): Promise<ReadWithRegistry> => {
  const { RegistryError, SchemaRegistry, schemaDeserializer } = await import(
    '@millrace/schema-registry'
  )
  const registry = new SchemaRegistry({ url })
  const deserialize = schemaDeserializer({ registry, output: 'json' })
  const read = async (record: TopicRecord, field: 'key' | 'value') => {
    const bytes = record[field]
    if (bytes === null) return null
    try {
      return new Decoded(await deserialize(bytes, { field, headers: record.headers }))
    } catch (error) {
      // A registry that does not respond would make a message of every record.
      if (error instanceof RegistryError && error.retriable) throw error
      const { partition, offset } = record
      const reason = printableText(error instanceof Error ? error.message : String(error))
      onUnreadable(`Partition ${partition}, offset ${offset}: the ${field} is as it is: ${reason}`)
      return bytes
    }
  }
  return async (record) => ({
    ...record,
    key: readsKeys ? await read(record, 'key') : record.key,
    value: await read(record, 'value'),
  })
}

/** A list of processes shows every flag: a password may be in the environment only. */
export const registryUrl = (flag: string | undefined, environment: string | undefined) => {
  if (flag === undefined) return environment === '' ? undefined : environment
  if (URL.canParse(flag) && new URL(flag).password === '') return flag
  if (!URL.canParse(flag)) throw new Failure('--registry must be a URL such as http://host:8081')
  throw new Failure('--registry must be a URL without a password: put it into MILLRACE_REGISTRY')
}
