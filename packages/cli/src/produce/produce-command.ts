// `millrace produce`: reads records, sends them, and says exactly what became of them. An interrupt
// ends the reading; what was taken is delivered within a time limit, a second interrupt ends that.

import type { Console } from '@millrace/console'
import { type CloseReport, type KafkaError, Producer, type ProducerOptions } from 'millrace'
import { resolveConnection } from '../connection/resolve.ts'
import { showConsole } from '../console/show-console.ts'
import { describeFailure, Failure } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import { Pace } from '../pace.ts'
import type { CommandHost, ExitCode } from '../run-program.ts'
import { exitCodeOf, type Interrupt, type Terminal, writeLine } from '../runtime/terminal.ts'
import { after, nowMs } from '../runtime/time.ts'
import { warningLogger } from '../warning-logger.ts'
import { DeadLetterFile } from './dead-letter.ts'
import { describedInput, type Input, openFile, streamInput } from './input.ts'
import { startInputProgress } from './input-progress.ts'
import { jsonFormat } from './json-format.ts'
import {
  describeProduce,
  type ProduceFlags,
  produceProblem,
  producerOptions,
} from './produce-options.ts'
import { lineFormat, type RecordFormat } from './record-format.ts'
import { RecordSplitter } from './record-splitter.ts'
import { formatReport, type ProduceReport } from './report.ts'
import { Sending } from './sending.ts'
import { Tally } from './tally.ts'

const connectTimeoutMs = 30_000

export const addProduceCommand = (host: CommandHost): void => {
  const command = describeProduce(host)
  command.action(async (topic: string | undefined, flags: ProduceFlags) => {
    const problem = produceProblem(topic, flags)
    if (problem !== null) command.error(`error: ${problem}`)
    const options = producerOptions(flags, await resolveConnection(flags, host.terminal))
    host.ended(await new ProduceRun(topic, flags, options, host.terminal).run())
  })
}

const formatOf = (topic: string | undefined, flags: ProduceFlags): RecordFormat => {
  const {
    format,
    recordKey: key = null,
    header: headers = [],
    partition,
    keyDelimiter,
    nullValue,
  } = flags
  const defaults = { topic: topic ?? '', key, headers, partition }
  return format === 'json'
    ? jsonFormat(defaults, flags.base64 ?? [])
    : lineFormat(defaults, { keyDelimiter, nullMarker: nullValue })
}

class ProduceRun {
  readonly #topic: string | undefined
  readonly #flags: ProduceFlags
  readonly #terminal: Terminal
  readonly #producer: Producer
  #sending: Sending | null = null
  readonly #tally = new Tally()
  readonly #stop = new AbortController()
  #interrupt: Interrupt | null = null
  #forgetDrain: () => void = () => {}

  /** Throws where an option is wrong; nothing is open then. */
  constructor(
    topic: string | undefined,
    flags: ProduceFlags,
    options: ProducerOptions,
    terminal: Terminal,
  ) {
    this.#topic = topic
    this.#flags = flags
    this.#terminal = terminal
    const onError = (error: KafkaError): void => this.#sending?.onFailed(error)
    this.#producer = new Producer({ ...options, onError, logger: warningLogger(terminal) })
  }

  async run(): Promise<ExitCode> {
    const { file, deadLetter } = this.#flags
    const forget = this.#terminal.onInterrupt(
      (interrupt) => this.#onInterrupt(interrupt),
      () => this.#producer.destroy(),
    )
    let input: Input | null = null
    let deadLetters: DeadLetterFile | null = null
    let shown: Console | null = null
    try {
      shown = await showConsole(this.#producer, this.#flags, this.#terminal)
      if (!(await this.#connect())) return exitCodeOf(this.#interrupt ?? 'SIGINT')
      if (deadLetter !== undefined) deadLetters = await DeadLetterFile.open(deadLetter)
      input = this.#open(file, deadLetters !== null)
      return await this.#send(input, deadLetters)
    } finally {
      forget()
      this.#forgetDrain()
      this.#producer.destroy()
      await input?.close()
      await shown?.close()
    }
  }

  #open(file: string | undefined, keepsChunks: boolean): Input {
    if (file !== undefined && file !== '-') return openFile(file, keepsChunks)
    const { input, inputFile } = this.#terminal
    const name = 'Standard input'
    if (inputFile !== null) return describedInput(inputFile, name, keepsChunks)
    return streamInput(input, name)
  }

  /** Before anything is read, the cluster and the topic must be there. False = interrupted. */
  async #connect(): Promise<boolean> {
    const wait = { timeoutMs: connectTimeoutMs, signal: this.#stop.signal }
    try {
      await this.#producer.connect(wait)
      if (this.#topic !== undefined) await this.#producer.partitionsFor(this.#topic, wait)
      return true
    } catch (error) {
      if (this.#interrupt !== null) return false
      throw error
    }
  }

  #onInterrupt(interrupt: Interrupt): void {
    this.#interrupt = interrupt
    this.#stop.abort()
    const { drainTimeout } = this.#flags
    this.#forgetDrain = after(drainTimeout * 1000, () => this.#producer.destroy())
    if (this.#producer.metrics().unsettledBatches === 0) return
    writeLine(
      this.#terminal.errors,
      `Stopping: what was taken is delivered, for ${drainTimeout} s at most.`,
    )
  }

  async #send(input: Input, deadLetters: DeadLetterFile | null): Promise<ExitCode> {
    const { delimiter, limit, skip, rate, stopOnError } = this.#flags
    const sending = new Sending({
      producer: this.#producer,
      input,
      splitter: new RecordSplitter(delimiter),
      format: formatOf(this.#topic, this.#flags),
      tally: this.#tally,
      deadLetters,
      pace: rate === undefined ? null : new Pace(rate),
      skip,
      limit: limit ?? Number.POSITIVE_INFINITY,
      stopsOnError: stopOnError === true,
      signal: this.#stop.signal,
    })
    this.#sending = sending
    const stopInput = (): void => input.stop()
    this.#stop.signal.addEventListener('abort', stopInput, { once: true })
    const startedMs = nowMs()
    const stopProgress = startInputProgress(this.#terminal, input.totalBytes, () => ({
      bytesRead: sending.bytesRead,
      delivered: this.#producer.metrics().recordsDelivered,
      failed: this.#tally.failed,
    }))
    let failure: unknown = null
    let closed: CloseReport
    try {
      await sending.run().catch((error: unknown) => {
        failure = error ?? new Failure('The input could not be read')
      })
      closed = await this.#producer.close()
    } finally {
      stopProgress()
    }
    await deadLetters?.close()
    if (failure !== null) writeLine(this.#terminal.errors, describeFailure(failure))
    this.#checkCounts(closed)
    const seconds = (nowMs() - startedMs) / 1000
    const report = this.#report(sending, closed, input, deadLetters, seconds)
    this.#tell(report, deadLetters)
    return this.#exitCode(report, failure, deadLetters)
  }

  /** What was taken is counted here: if it does not add up, nobody should trust the report. */
  #checkCounts({ delivered }: CloseReport): void {
    const { taken, failed } = this.#tally
    if (taken === delivered + failed) return
    throw new Failure(
      `The counts don't agree: ${taken} taken and ${failed} failed, where the producer says ` +
        `${delivered} delivered: please report it`,
    )
  }

  #report(
    sending: Sending,
    { delivered }: CloseReport,
    input: Input,
    deadLetters: DeadLetterFile | null,
    seconds: number,
  ): ProduceReport {
    const { taken, failed, failedMaybe, groups } = this.#tally
    return {
      taken,
      delivered,
      failed,
      failedMaybeInLog: failedMaybe,
      failures: groups,
      seconds,
      bytesRead: sending.bytesRead,
      input: input.name,
      complete: sending.reachedEnd,
      done: sending.done,
      deadLetters:
        deadLetters === null ? null : { path: deadLetters.path, count: deadLetters.count },
    }
  }

  #tell(report: ProduceReport, deadLetters: DeadLetterFile | null): void {
    const { output, errors } = this.#terminal
    if (this.#flags.json === true) writeLine(output, JSON.stringify(report))
    else if (this.#flags.quiet !== true || report.failed > 0 || !report.complete) {
      for (const line of formatReport(report)) writeLine(output, line)
    }
    if (deadLetters === null || deadLetters.error === null) return
    writeLine(
      errors,
      `${deadLetters.path} could not be written, and is not whole: ${deadLetters.error.message}.`,
    )
  }

  #exitCode(report: ProduceReport, failure: unknown, deadLetters: DeadLetterFile | null): ExitCode {
    if (this.#interrupt !== null) return exitCodeOf(this.#interrupt)
    if (failure !== null || (deadLetters !== null && deadLetters.error !== null)) {
      return exitCodes.failure
    }
    return report.failed > 0 || !report.complete ? exitCodes.recordsFailed : exitCodes.success
  }
}
