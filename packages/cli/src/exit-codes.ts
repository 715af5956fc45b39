// The exit codes of the commands, as docs/cli.md lists them: scripts depend on the numbers, so they
// must not change. After an interrupt a command exits with the code that shells use
// (runtime/terminal.ts). Callers: the commands and run-program.ts.

export const exitCodes = {
  /** Success; for `produce`: every record is acknowledged. */
  success: 0,
  /** The command line is invalid, or the command could not start. */
  failure: 1,
  /** The command ran to its end, and some records were not delivered. */
  recordsFailed: 2,
} as const
