// Runs one admin call for a command: creates the Admin from the connection flags, passes an abort
// signal that follows Ctrl-C, and closes the Admin. Callers: the commands cluster-info, topics, and
// transactions. The Admin must be closed on every path.

import { Admin } from 'millrace'
import type { ConnectionFlags } from './connection/flags.ts'
import { resolveConnection } from './connection/resolve.ts'
import type { CommandHost } from './run-program.ts'
import { exitCodeOf, type Interrupt } from './runtime/terminal.ts'
import { warningLogger } from './warning-logger.ts'

const callTimeoutMs = 30_000

/** The limits that each call of an Admin accepts. */
export interface CallLimits {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** Resolves with `undefined` after an interrupt; the exit code is already set then. */
export const withAdmin = async <Value>(
  flags: ConnectionFlags,
  { terminal, ended }: CommandHost,
  call: (admin: Admin, limits: CallLimits) => Promise<Value>,
): Promise<Value | undefined> => {
  const options = await resolveConnection(flags, terminal)
  const abort = new AbortController()
  let interrupt: Interrupt | null = null
  const forget = terminal.onInterrupt((which) => {
    interrupt = which
    abort.abort()
  })
  await using admin = new Admin({ ...options, logger: warningLogger(terminal) })
  try {
    return await call(admin, { signal: abort.signal, timeoutMs: callTimeoutMs })
  } catch (error) {
    if (interrupt === null) throw error
    ended(exitCodeOf(interrupt))
    return undefined
  } finally {
    forget()
  }
}
