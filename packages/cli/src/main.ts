// The program that bin/millrace.js runs: the `millrace` command on this process's terminal. It
// calls process.exit itself after the output is written. If Node exited by itself, its signal
// handlers would be removed first, and the second SIGINT that npm sends for one Ctrl-C would kill
// the process.

import { runMillrace } from './program.ts'
import { exitProcess, processTerminal } from './runtime/terminal.ts'

const exitCode = await runMillrace(process.argv.slice(2), processTerminal())
exitProcess(exitCode)
