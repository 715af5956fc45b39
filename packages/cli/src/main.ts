// What bin/millrace.js runs: the `millrace` command on this process's terminal.

import { runMillrace } from './program.ts'
import { processTerminal } from './runtime/terminal.ts'

process.exitCode = await runMillrace(process.argv.slice(2), processTerminal())
