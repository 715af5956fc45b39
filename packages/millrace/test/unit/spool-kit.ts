// A spool on a virtual disk, in virtual time: opened, crashed and opened again by a test.

import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { FileSystem } from '../../src/runtime/file-system.ts'
import type { Logger } from '../../src/runtime/logger.ts'
import type { Processes, ProcessIdentity } from '../../src/runtime/process-identity.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import type { Backlog } from '../../src/spool/backlog.ts'
import type { NumberedBatch, RecordContent, SpooledRecord } from '../../src/spool/entries.ts'
import { Spool, type SpoolSettings } from '../../src/spool/spool.ts'
import { VirtualDisk } from '../sim/virtual-files.ts'
import { VirtualProcesses } from '../sim/virtual-processes.ts'

export const directory = 'spool'

export const contentOf = (text: string): RecordContent => ({
  contentBytes: Buffer.byteLength(text),
  write: (target, position) => position + target.write(text, position),
})

export const textOf = ({ content }: SpooledRecord): string => Buffer.from(content).toString()

export class SpoolStage {
  readonly clock = new VirtualClock()
  readonly disk: VirtualDisk
  readonly processes = new VirtualProcesses()
  readonly warnings: string[] = []
  readonly failures: KafkaError[] = []
  progress = 0
  /** The numbered batches of records that are copied; null = they can't be copied. */
  batches: readonly NumberedBatch[] | null = []
  #process: ReturnType<VirtualProcesses['start']> | null = null
  settings: SpoolSettings = { directory, maxBytes: 64 * 1024 * 1024, durability: 'machine' }

  constructor(seed = 1) {
    this.disk = new VirtualDisk(this.clock, seededRandom(seed))
  }

  environment(identity: Partial<ProcessIdentity> = {}): {
    files: FileSystem
    clock: VirtualClock
    processes: Processes
    logger: Logger
  } {
    this.#process = this.processes.start(identity)
    const logger: Logger = {
      debug() {},
      info() {},
      warn: (message) => this.warnings.push(message),
      error: (message) => this.warnings.push(message),
    }
    return { files: this.disk.mount(), clock: this.clock, processes: this.#process, logger }
  }

  startOpening(identity: Partial<ProcessIdentity> = {}): Promise<Spool> {
    return Spool.open(this.settings, this.environment(identity), {
      onProgress: () => this.progress++,
      onFailed: (error) => this.failures.push(error),
      batchesOf: () => this.batches,
    })
  }

  open(identity: Partial<ProcessIdentity> = {}): Promise<Spool> {
    return this.run(this.startOpening(identity))
  }

  run<Value>(promise: Promise<Value>): Promise<Value> {
    return this.clock.runUntil(promise, 120_000)
  }

  crash(kind: 'process' | 'power' = 'process'): void {
    this.disk.crash(kind)
    this.#process?.end()
    if (kind === 'power') this.processes.bootId += '.'
  }

  written(spool: Spool): Promise<void> {
    return this.run(
      new Promise((resolve, reject) => {
        spool.whenWritten((error) => (error === null ? resolve() : reject(error)))
      }),
    )
  }

  /** Everything that the backlog still has to give. */
  async rest({ backlog }: { readonly backlog: Backlog }): Promise<SpooledRecord[]> {
    const all: SpooledRecord[] = []
    for (;;) {
      const records = backlog.fromMemory() ?? (await this.run(backlog.read()))
      if (records.length === 0) return all
      for (const record of records) {
        all.push({ ...record, content: Buffer.from(record.content) })
        backlog.moveTo(record.id + 1)
      }
    }
  }
}

export const isError = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof KafkaError && error.code === code && pattern.test(error.message)
