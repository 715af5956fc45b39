// The program that `npm start` runs in the repository: it runs first-run/run.ts on this process's
// terminal and sets the exit code. It has no callers in the code.

import { runFirstRun } from './first-run/run.ts'
import { processTerminal } from './runtime/terminal.ts'

process.exitCode = await runFirstRun(process.argv.slice(2), processTerminal())
