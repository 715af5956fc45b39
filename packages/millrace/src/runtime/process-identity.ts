// Who this process is, and whether another one still runs: the spool's lock asks. A process id
// alone proves nothing, since ids repeat after a restart of a container. On Linux the start time
// in /proc names one process for good, together with the boot and the process-id namespace.

import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Names one process among all that ever ran on this machine, as far as the system tells. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks from the boot to its start; `''` if the system does not say. */
  readonly startTime: string
  /** Changes with every boot of the machine; `''` if the system does not say. */
  readonly bootId: string
  /** The namespace that the process id belongs to: a container has its own. */
  readonly namespace: string
  readonly host: string
}

export interface Processes {
  readonly self: ProcessIdentity
  /** `unknown` = it ran where this process can't look: in another container, on another machine. */
  stateOf(other: ProcessIdentity): 'running' | 'ended' | 'unknown'
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

const namespaceOf = (pid: number | 'self'): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return ''
  }
}

/**
 * Field 22 of /proc/PID/stat. The name in field 2 may hold spaces and parentheses. `''` for a
 * process that has ended, and whose parent has not asked for its exit code (state Z).
 */
const startTimeOf = (pid: number): string => {
  const stat = readText(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? '' : (fields[19] ?? '')
}

/** `EPERM` says that it runs and belongs to another user. */
const hasProcess = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const readSelf = (): ProcessIdentity => ({
  pid: process.pid,
  startTime: startTimeOf(process.pid),
  bootId: readText('/proc/sys/kernel/random/boot_id'),
  namespace: namespaceOf('self'),
  host: hostname(),
})

let self: ProcessIdentity | null = null

/** The machine's processes. */
export const systemProcesses: Processes = {
  get self(): ProcessIdentity {
    self ??= readSelf()
    return self
  },
  stateOf(other) {
    const { bootId, namespace, host } = this.self
    if (other.host !== host && bootId === '') return 'unknown'
    if (other.bootId !== bootId || other.namespace !== namespace) return 'unknown'
    if (!hasProcess(other.pid)) return 'ended'
    if (other.startTime === '') return 'unknown'
    return startTimeOf(other.pid) === other.startTime ? 'running' : 'ended'
  },
}
