// What bin/millrace.js runs: the `millrace` command on this process's terminal. It ends the process
// itself, once the output is out: while Node cleans up on its own, signals are deadly again, and
// the second SIGINT of one Ctrl-C (npm passes the terminal's on) would turn a drained end into a
// kill.

import { runMillrace } from './program.ts'
import { exitProcess, processTerminal } from './runtime/terminal.ts'

const exitCode = await runMillrace(process.argv.slice(2), processTerminal())
exitProcess(exitCode)
