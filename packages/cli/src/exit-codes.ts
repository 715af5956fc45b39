// The exit codes of the commands, as docs/cli.md lists them. A command that an interrupt ended has
// the code that shells give such a process (runtime/terminal.ts).

export const exitCodes = {
  /** All is done; of `produce`: every record is acknowledged. */
  success: 0,
  /** Wrong words on the command line, or something without which nothing could begin. */
  failure: 1,
  /** It ran to its end, and some records were not delivered. */
  recordsFailed: 2,
} as const
