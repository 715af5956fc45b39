// What producers and admins run on: clock, random numbers, network, and the files of a spool. Users
// get the system's; tests and the simulator bring their own.

import { type Clock, systemClock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import type { Processes } from '../runtime/process-identity.ts'
import { type Random, systemRandom } from '../runtime/random.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import type { Transport } from '../runtime/transport.ts'

export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
}

/** The files and processes that a spool runs on. */
export interface SpoolMachine {
  readonly files: FileSystem
  readonly processes: Processes
}

export interface ProducerEnvironment extends Environment {
  /** For the option spool; the machine's files without it. */
  readonly spoolMachine?: SpoolMachine
}

export const systemEnvironment: Environment = {
  clock: systemClock,
  random: systemRandom,
  transport: tcpTransport,
}
