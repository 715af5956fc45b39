// What `npm start` runs in the repository: the first run, on this process's terminal.

import { runFirstRun } from './first-run/run.ts'
import { processTerminal } from './runtime/terminal.ts'

process.exitCode = await runFirstRun(process.argv.slice(2), processTerminal())
