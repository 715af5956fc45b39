// Decodes records with the schemas of a registry, for `tail --registry`. It loads
// @millrace/schema-registry and its format libraries only when the flag is used. Callers:
// tail-command.ts and record-writer.ts.

import { printableText, type TopicRecord } from 'millrace'
import { Failure } from '../describe-failure.ts'

/** A record whose key and value are decoded, or the original bytes if they can't be decoded. */
export interface ReadRecord extends Omit<TopicRecord, 'key' | 'value'> {
  readonly key: Buffer | Decoded | null
  readonly value: Buffer | Decoded | null
}

/** A value that was decoded with a schema. */
export class Decoded {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

export interface RegistryReaderOptions {
  readonly url: string
  readonly readsKeys: boolean
  /**
   * Called for a record that was not written with the registry; its bytes are printed unchanged.
   */
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
      // An unavailable registry ends the command: otherwise every record would print a message.
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

/**
 * The registry's URL. A password may be only in the environment, because process lists show flags.
 */
export const registryUrl = (flag: string | undefined, environment: string | undefined) => {
  if (flag === undefined) return environment === '' ? undefined : environment
  if (URL.canParse(flag) && new URL(flag).password === '') return flag
  if (!URL.canParse(flag)) throw new Failure('--registry must be a URL such as http://host:8081')
  throw new Failure('--registry must be a URL without a password: put it into MILLRACE_REGISTRY')
}
