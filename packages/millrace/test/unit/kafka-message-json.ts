// Kafka's own schemas: the JSON files inside the kafka-clients jar. The jar lies in millrace's
// cache, outside the repository; where it is missing and Maven is there, Maven gets it.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { strFromU8, unzipSync } from 'fflate'

export const kafkaVersion = '4.4.0'

/** Maven downloads one file of some 11 MB. */
const mavenTimeoutMs = 180_000

const cacheFolder = process.env.MILLRACE_CACHE ?? join(homedir(), '.cache', 'millrace')

/** The path of the jar, or why it can't be had. */
export const kafkaClientsJar = (): { path: string } | { missing: string } => {
  const name = `kafka-clients-${kafkaVersion}.jar`
  const path = join(cacheFolder, name)
  if (existsSync(path)) return { path }
  try {
    mkdirSync(cacheFolder, { recursive: true })
    const goal = 'dependency:copy'
    const artifact = `-Dartifact=org.apache.kafka:kafka-clients:${kafkaVersion}`
    const output = `-DoutputDirectory=${cacheFolder}`
    execFileSync('mvn', ['--quiet', '--batch-mode', goal, artifact, output], {
      timeout: mavenTimeoutMs,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  } catch (error) {
    return { missing: `${name} is not in ${cacheFolder}, and Maven did not get it: ${error}` }
  }
  return existsSync(path) ? { path } : { missing: `Maven left no ${name} in ${cacheFolder}` }
}

export interface KafkaField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly entityType?: string
  readonly ignorable?: boolean
  readonly fields?: readonly KafkaField[]
}

export interface KafkaMessage {
  readonly apiKey: number
  readonly name: string
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly fields: readonly KafkaField[]
  readonly commonStructs?: readonly {
    readonly name: string
    readonly fields: readonly KafkaField[]
  }[]
}

/** Kafka's files are JSON with comments: takes out each `//` that is not inside a string. */
const withoutComments = (text: string): string =>
  text.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*/g, (_match, quoted?: string) => quoted ?? '')

/** Every request and response schema of the jar, by name. */
export const kafkaMessages = (jar: string): ReadonlyMap<string, KafkaMessage> => {
  const files = unzipSync(readFileSync(jar), {
    filter: ({ name }) => /^common\/message\/\w+(Request|Response)\.json$/.test(name),
  })
  return new Map(
    Object.values(files).map((bytes) => {
      const message = JSON.parse(withoutComments(strFromU8(bytes))) as KafkaMessage
      return [message.name, message]
    }),
  )
}
