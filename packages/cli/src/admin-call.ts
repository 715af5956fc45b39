// One call of an admin on the command line: made with the flags of the connection, ended by an
// interrupt. Called by the commands that look at a cluster or change it.

import { Admin } from 'millrace'
import type { ConnectionFlags } from './connection/flags.ts'
import { resolveConnection } from './connection/resolve.ts'
import type { CommandHost } from './run-program.ts'
import { exitCodeOf, type Interrupt } from './runtime/terminal.ts'
import { warningLogger } from './warning-logger.ts'

const callTimeoutMs = 30_000

/** What each call of the admin takes. */
export interface CallLimits {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** `undefined` = interrupted: the exit code is set. */
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
