// Owns the type of the environment of producers and admins: clock, random numbers, network, and the
// files of a spool. Callers: Producer, Admin, diagnose/, layers/. Users get the system's; tests and
// the simulator pass their own. Invariant: producer code gets these only from its environment.

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

/** The files and processes that a spool uses. */
export interface SpoolMachine {
  readonly files: FileSystem
  readonly processes: Processes
}

export interface ProducerEnvironment extends Environment {
  /** For the option spool; the system's files by default. */
  readonly spoolMachine?: SpoolMachine
}

export const systemEnvironment: Environment = {
  clock: systemClock,
  random: systemRandom,
  transport: tcpTransport,
}
