// Apache Kafka releases from 1.0 on, from Maven Central: one node, with ZooKeeper in its process
// before 3.3. ReleaseBroker.java runs it.

import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProducerOptions } from '../../../src/index.ts'
import { makeCertificates } from '../../certificates.ts'
import { BrokerProcess } from '../fixture/broker-process.ts'
import { probeBroker } from '../fixture/cluster-probe.ts'
import { runChecked } from '../fixture/commands.ts'
import { javaAvailable, mavenAvailable } from '../fixture/index.ts'
import { brokerLibs } from '../fixture/libraries.ts'
import { freePorts } from '../fixture/ports.ts'
import { javaReader, kcatReader } from './readers.ts'
import type { Reader, Target, TargetKind } from './target.ts'

const user = 'alice'
const password = 'open-sesame'
const launcher = fileURLToPath(new URL('./ReleaseBroker.java', import.meta.url))
const plainModule = 'org.apache.kafka.common.security.plain.PlainLoginModule'

interface Ports {
  readonly plain: number
  readonly tls: number
  readonly sasl: number
  /** Of ZooKeeper or of the KRaft controller. */
  readonly quorum: number
}

const numberOf = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major * 100 + minor
}

/** KRaft is ready for production since 3.3. */
const hasZooKeeper = (version: string): boolean => numberOf(version) < 303

const addresses = ({ plain, tls, sasl }: Ports): string[] => [
  `PLAINTEXT://127.0.0.1:${plain}`,
  `SSL://127.0.0.1:${tls}`,
  `SASL_SSL://127.0.0.1:${sasl}`,
]

const quorumProperties = (version: string, { quorum, ...ports }: Ports): string[] => {
  const listeners = addresses({ quorum, ...ports })
  if (hasZooKeeper(version)) {
    return [
      'broker.id=1',
      `zookeeper.connect=127.0.0.1:${quorum}`,
      'zookeeper.session.timeout.ms=2000',
      `listeners=${listeners.join(',')}`,
    ]
  }
  const protocols = ['CONTROLLER:PLAINTEXT', 'PLAINTEXT:PLAINTEXT', 'SSL:SSL', 'SASL_SSL:SASL_SSL']
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${quorum}`,
    'controller.listener.names=CONTROLLER',
    `listeners=${[...listeners, `CONTROLLER://127.0.0.1:${quorum}`].join(',')}`,
    `listener.security.protocol.map=${protocols.join(',')}`,
  ]
}

const brokerProperties = (version: string, ports: Ports, folder: string): string => {
  const store = join(folder, 'server.p12')
  const lines = [
    ...quorumProperties(version, ports),
    `advertised.listeners=${addresses(ports).join(',')}`,
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${join(folder, 'data')}`,
    'num.partitions=3',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.num.partitions=1',
    'transaction.state.log.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'sasl.enabled.mechanisms=PLAIN',
    'ssl.keystore.type=PKCS12',
    `ssl.keystore.location=${store}`,
    'ssl.keystore.password=changeit',
    'ssl.key.password=changeit',
  ]
  return `${lines.join('\n')}\n`
}

/** The readers that this release has: Java's 4.x client needs brokers from 2.1 on. */
const readersOf = (version: string, brokers: readonly string[]): Reader[] => [
  javaReader(brokers, numberOf(version) < 201 ? { version: '3.9.1' } : {}),
  kcatReader(brokers),
]

class ReleaseTarget implements Target {
  readonly brokers: readonly string[]
  readonly readers: readonly Reader[]
  readonly tls: Partial<ProducerOptions>
  readonly sasl: Readonly<Record<string, Partial<ProducerOptions>>>
  readonly restartWay = 'killed'
  readonly #folder: string
  readonly #run: () => Promise<BrokerProcess>
  #process: BrokerProcess

  constructor(
    version: string,
    ports: Ports,
    folder: string,
    ca: string,
    run: () => Promise<BrokerProcess>,
    first: BrokerProcess,
  ) {
    this.brokers = [`127.0.0.1:${ports.plain}`]
    this.readers = readersOf(version, this.brokers)
    this.tls = { brokers: [`127.0.0.1:${ports.tls}`], tls: { ca } }
    const sasl = { mechanism: 'PLAIN', username: user, password } as const
    this.sasl = { PLAIN: { brokers: [`127.0.0.1:${ports.sasl}`], tls: { ca }, sasl } }
    this.#folder = folder
    this.#run = run
    this.#process = first
  }

  readonly restart = async (): Promise<void> => {
    await this.#process.kill()
    this.#process = await this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

const writeFiles = async (version: string, ports: Ports, folder: string): Promise<string> => {
  const { ca, server } = await makeCertificates()
  await mkdir(join(folder, 'data'), { recursive: true })
  await writeFile(join(folder, 'server.crt'), server.cert)
  await writeFile(join(folder, 'server.key'), server.key)
  await writeFile(join(folder, 'broker.properties'), brokerProperties(version, ports, folder))
  const users = `user_${user}="${password}"`
  await writeFile(join(folder, 'jaas.conf'), `KafkaServer { ${plainModule} required ${users}; };\n`)
  return ca
}

const startRelease = async (version: string): Promise<Target> => {
  const libraries = join(await brokerLibs(version), '*')
  const [plain = 0, tls = 0, sasl = 0, quorum = 0] = await freePorts(4)
  const ports = { plain, tls, sasl, quorum }
  const folder = await mkdtemp(join(tmpdir(), `millrace-kafka-${version}-`))
  const ca = await writeFiles(version, ports, folder)
  const properties = join(folder, 'broker.properties')
  if (!hasZooKeeper(version)) {
    const id = `A${randomBytes(16).toString('base64url').slice(1)}`
    const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', id, '--config', properties]
    await runChecked('java', ['-cp', libraries, ...format])
  }
  const memory = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  const settings = [
    `-Djava.security.auth.login.config=${join(folder, 'jaas.conf')}`,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    // The section of the brokers in jaas.conf must not make ZooKeeper's client authenticate.
    '-Dzookeeper.sasl.client=false',
  ]
  const program = ['-cp', libraries, launcher, properties, folder]
  const quorumPort = hasZooKeeper(version) ? quorum : 0
  const args = [...memory, ...settings, ...program, String(quorumPort)]
  const isReady = async (): Promise<boolean> => {
    try {
      return (await probeBroker(plain, 2_000)).nodeIds.length === 1
    } catch {
      return false
    }
  }
  const run = () => BrokerProcess.start({ command: 'java', args, cwd: folder, isReady })
  return new ReleaseTarget(version, ports, folder, ca, run, await run())
}

/** A row for a release of Apache Kafka. */
export const apacheKafka = (version: string): TargetKind => ({
  name: `Apache Kafka ${version}`,
  missing: async () =>
    (await javaAvailable()) && (await mavenAvailable()) ? null : 'Java 17 and Maven are not here',
  start: () => startRelease(version),
  rejectedCodecs: numberOf(version) < 201 ? ['zstd'] : [],
  createsTopics: true,
  transactions: 'yes',
})
