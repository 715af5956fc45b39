// The command `millrace doctor`: calls the library's diagnose(), prints each step with its time,
// and then the first failed step with its remedy. The exit code is the result: 0, 1, or 2. It keeps
// no state. Caller: program.ts.

import { CommanderError } from 'commander'
import { type Diagnosis, type DiagnosisStep, diagnose, KafkaError } from 'millrace'
import { positiveNumber, topicName } from './arguments.ts'
import { addConnectionFlags, type ConnectionFlags } from './connection/flags.ts'
import { resolveConnection } from './connection/resolve.ts'
import { describeFailure, Failure } from './describe-failure.ts'
import { addCommand, type CommandHost } from './run-program.ts'
import {
  exitCodeOf,
  type Interrupt,
  type Terminal,
  writeJson,
  writeLine,
} from './runtime/terminal.ts'
import { warningLogger } from './warning-logger.ts'

interface DoctorFlags extends ConnectionFlags {
  readonly produce?: string
  readonly timeout: number
  readonly json?: true
}

/** Scripts distinguish a failed diagnosis (1) from an invalid command (2). */
const doctorExitCodes = { passed: 0, failed: 1, usage: 2 } as const

const timeoutSecondsDefault = 60

export const addDoctorCommand = (host: CommandHost): void => {
  const command = addCommand(host, 'doctor')
    .description('Find out why a cluster can not be reached, step by step.')
    .option('--produce <topic>', 'send one record to this topic, as the last step', topicName)
    .option('--timeout <seconds>', 'time for all of it', positiveNumber, timeoutSecondsDefault)
    .option('--json', 'as JSON: { ok, failedStep, steps }')
    .exitOverride(({ exitCode, code, message }) => {
      throw new CommanderError(exitCode === 0 ? 0 : doctorExitCodes.usage, code, message)
    })
  addConnectionFlags(command).action((flags: DoctorFlags) => runDoctor(flags, host))
}

const runDoctor = async (flags: DoctorFlags, { terminal, ended }: CommandHost): Promise<void> => {
  const abort = new AbortController()
  let interrupt: Interrupt | null = null
  const forget = terminal.onInterrupt((which) => {
    interrupt = which
    abort.abort()
  })
  try {
    const options = await resolveConnection(flags, terminal)
    const diagnosis = await diagnose(
      { ...options, logger: warningLogger(terminal) },
      {
        produceTo: flags.produce,
        timeoutMs: flags.timeout * 1000,
        signal: abort.signal,
        onStep: flags.json === true ? undefined : stepPrinter(terminal),
      },
    )
    if (flags.json === true) writeJson(terminal.output, diagnosis)
    else for (const line of ['', verdictOf(diagnosis)]) writeLine(terminal.output, line)
    ended(diagnosis.ok ? doctorExitCodes.passed : doctorExitCodes.failed)
  } catch (error) {
    if (interrupt !== null) ended(exitCodeOf(interrupt))
    else if (isUsage(error)) {
      writeLine(terminal.errors, describeFailure(error))
      ended(doctorExitCodes.usage)
    } else throw error
  } finally {
    forget()
  }
}

const isUsage = (error: unknown): boolean =>
  error instanceof Failure || (error instanceof KafkaError && error.kind === 'usage')

const nameWidth = 'api-versions'.length
const timeWidth = '10000.0 ms'.length

const formatStep = ({ name, ok, ms, detail }: DiagnosisStep): string =>
  [
    ok ? 'ok  ' : 'FAIL',
    name.padEnd(nameWidth),
    `${ms.toFixed(1)} ms`.padStart(timeWidth),
    detail,
  ].join('  ')

const indent = ' '.repeat(
  formatStep({ name: 'dns', ok: true, ms: 0, detail: '', remedy: '' }).length,
)

/**
 * Prints one step. The first failure is printed again at the end; the others show their remedy
 * here.
 */
const stepPrinter = ({ output }: Terminal): ((step: DiagnosisStep) => void) => {
  let hasFailed = false
  return (step) => {
    writeLine(output, formatStep(step))
    if (hasFailed && step.remedy !== null) writeLine(output, `${indent}${step.remedy}`)
    hasFailed ||= !step.ok
  }
}

const verdictOf = ({ steps }: Diagnosis): string => {
  const first = steps.find(({ ok }) => !ok)
  return first === undefined ? 'All is well.' : `The step ${first.name} failed. ${first.remedy}`
}
