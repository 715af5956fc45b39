// Producers with a spool in virtual time, one process after the other on the same disk.

import { type KafkaError, Producer, type ProducerOptions } from '../../src/index.ts'
// Loaded beforehand: virtual time does not wait for the file system of the machine.
import '../../src/producer/spooling/open-spooling.ts'
import type { ClusterOptions } from '../../src/in-process-cluster/cluster-options.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import type { SpoolOption } from '../../src/producer/spool-option.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { onStage, type Stage } from '../layers/stage.ts'
import { KillableProcess } from '../sim/killable-process.ts'
import { VirtualDisk } from '../sim/virtual-files.ts'
import { VirtualProcesses } from '../sim/virtual-processes.ts'

/** The disk of a stage, and the processes that use it one after the other. */
export class SpoolMachine {
  readonly stage: Stage
  readonly disk: VirtualDisk
  readonly #processes = new VirtualProcesses()
  #end: () => void = () => {}
  readonly errors: KafkaError[] = []

  constructor(stage: Stage) {
    this.stage = stage
    this.disk = new VirtualDisk(stage.clock, seededRandom(1))
  }

  producer(spool: Partial<SpoolOption> = {}, options: Partial<ProducerOptions> = {}): Producer {
    const { target, environment } = this.start(spool, options)
    return new Producer(target, environment)
  }

  /** A new process: what its producer is made of. */
  start(
    spool: Partial<SpoolOption> = {},
    options: Partial<ProducerOptions> = {},
  ): { target: ProducerOptions; environment: ProducerEnvironment } {
    const { environment } = this.stage
    const killable = new KillableProcess(environment.clock, environment.transport)
    const process = this.#processes.start()
    this.#end = () => {
      killable.kill()
      process.end()
      this.disk.crash('process')
    }
    const onError = (error: KafkaError) => this.errors.push(error)
    const target = this.stage.target({
      onError,
      spool: { directory: 'spool', ...spool },
      ...options,
    })
    const { clock, transport } = killable
    const spoolMachine = { files: this.disk.mount(), processes: process }
    return { target, environment: { ...environment, clock, transport, spoolMachine } }
  }

  /** The process of the last producer is killed. */
  kill(): void {
    this.#end()
  }
}

/** Runs the work with a machine and a cluster, whose topic orders has one partition. */
export const onMachine = (
  work: (machine: SpoolMachine, stage: Stage) => Promise<void>,
  options: ClusterOptions = {},
): Promise<void> =>
  onStage({ ...options, topics: { orders: 1, ...options.topics } }, (stage) =>
    work(new SpoolMachine(stage), stage),
  )
