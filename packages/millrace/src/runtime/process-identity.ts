// Owns the identity of this process, and the check whether another process still runs. Callers: the
// spool's directory lock and inspection. Invariant: a process id alone is never sufficient, because
// ids repeat after a container restart. On Linux the start time in /proc, the boot id and the
// process-id namespace together identify one process.

import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Identifies one process among all that ever ran on this machine, as far as the system allows. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks between the boot and its start; `''` if the system does not report it. */
  readonly startTime: string
  /** Changes at every boot of the machine; `''` if the system does not report it. */
  readonly bootId: string
  /** The namespace of the process id: a container has its own. */
  readonly namespace: string
  readonly host: string
}

export interface Processes {
  readonly self: ProcessIdentity
  /** `unknown` = it ran in a container or on a machine that this process cannot inspect. */
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
 * Field 22 of /proc/PID/stat. The name in field 2 may contain spaces and parentheses. `''` for a
 * process that has ended and whose parent has not read its exit code (state Z).
 */
const startTimeOf = (pid: number): string => {
  const stat = readText(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? '' : (fields[19] ?? '')
}

/** `EPERM` means that it runs and belongs to another user. */
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

/** The processes of the machine. */
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
