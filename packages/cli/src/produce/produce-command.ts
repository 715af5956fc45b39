// The command `millrace produce`: reads records from a file or a stream, sends them, and prints
// exact counts of the results. It owns the producer, the input, and the dead letters' file, and
// closes them. The first interrupt ends the reading and starts a time limit for the delivery; the
// second one ends the delivery. Caller: program.ts.

import type { Console } from '@millrace/console'
import { type CloseReport, type KafkaError, Producer, type ProducerOptions } from 'millrace'
import { connectProducer } from '../connect-producer.ts'
import { resolveConnection } from '../connection/resolve.ts'
import { showConsole } from '../console/show-console.ts'
import { describeFailure, Failure } from '../describe-failure.ts'
import { exitCodes } from '../exit-codes.ts'
import type { CommandHost, ExitCode } from '../run-program.ts'
import {
  exitCodeOf,
  type Interrupt,
  type Terminal,
  writeJson,
  writeLine,
} from '../runtime/terminal.ts'
import { after, nowMs } from '../runtime/time.ts'
import { formatCount } from '../text-table.ts'
import { ThroughputThrottler } from '../throughput-throttler.ts'
import { warningLogger } from '../warning-logger.ts'
import { DeadLetterFile } from './dead-letter.ts'
import { describedInput, type Input, openFile, streamInput } from './input.ts'
import { startInputProgress } from './input-progress.ts'
import { jsonFormat } from './json-format.ts'
import { LoadProgress } from './load-progress.ts'
import {
  describeProduce,
  loadIdentity,
  type ProduceFlags,
  produceProblem,
  producerOptions,
} from './produce-options.ts'
import { RecordCounts } from './record-counts.ts'
import { lineFormat, type RecordFormat } from './record-format.ts'
import { RecordSplitter } from './record-splitter.ts'
import { formatReport, type ProduceReport } from './report.ts'
import { Sending } from './sending.ts'

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

/**
 * Rejects a dead letters' file that is also the input: each failure would be read and fail again.
 */
const rejectLoop = (input: Input, deadLetters: DeadLetterFile | null): void => {
  if (deadLetters === null || deadLetters.fileId === null) return
  if (deadLetters.fileId !== input.fileId) return
  const { path } = deadLetters
  throw new Failure(`--dead-letter must be another file than the one that is read, got ${path}`)
}

class ProduceRun {
  readonly #topic: string | undefined
  readonly #flags: ProduceFlags
  readonly #terminal: Terminal
  readonly #producer: Producer
  #sending: Sending | null = null
  readonly #counts = new RecordCounts()
  readonly #stop = new AbortController()
  /** null without --spool. */
  #progress: LoadProgress | null = null
  #interrupt: Interrupt | null = null
  #forgetDrain: () => void = () => {}

  /** Throws if an option is invalid; nothing is open at that point. */
  constructor(
    topic: string | undefined,
    flags: ProduceFlags,
    options: ProducerOptions,
    terminal: Terminal,
  ) {
    this.#topic = topic
    this.#flags = flags
    this.#terminal = terminal
    const onError = (error: KafkaError): void => this.#onError(error)
    this.#producer = new Producer({ ...options, onError, logger: warningLogger(terminal) })
  }

  #onError(error: KafkaError): void {
    // SPOOL_EXPIRED: the spool sends these records again, so they have not failed.
    if (error.code !== 'SPOOL_EXPIRED') this.#sending?.onFailed(error)
    else writeLine(this.#terminal.errors, describeFailure(error))
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
      const isSpooled = this.#flags.spool !== undefined
      if (!isSpooled && !(await this.#connect())) return exitCodeOf(this.#interrupt ?? 'SIGINT')
      input = this.#open(file, deadLetter !== undefined)
      if (isSpooled && !(await this.#openProgress(input))) {
        return exitCodeOf(this.#interrupt ?? 'SIGINT')
      }
      if (deadLetter !== undefined) {
        deadLetters = await DeadLetterFile.open(deadLetter, this.#stop.signal)
        if (deadLetters === null) return exitCodeOf(this.#interrupt ?? 'SIGINT')
      }
      rejectLoop(input, deadLetters)
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
    const { inputFile, inputIsTyped } = this.#terminal
    const name = 'Standard input'
    if (inputFile !== null) return describedInput(inputFile, name, keepsChunks)
    return streamInput(this.#terminal.input, name, inputIsTyped)
  }

  /** Opens the spool, which needs no broker. Returns false after an interrupt. */
  async #openProgress(input: Input): Promise<boolean> {
    try {
      await this.#producer.flushSpool({ signal: this.#stop.signal })
    } catch (error) {
      if (this.#interrupt !== null) return false
      throw error
    }
    const identity = loadIdentity(this.#topic, this.#flags, input.name)
    this.#progress = new LoadProgress(this.#flags.spool!, identity, this.#spoolCount())
    if (this.#progress.isComplete) input.stop()
    const { taken } = this.#progress
    if (taken === 0 || this.#flags.quiet === true) return true
    const what = `${formatCount(taken)} records of ${input.name} were accepted by earlier runs`
    writeLine(this.#terminal.errors, `${what}; continuing after them.`)
    return true
  }

  #spoolCount(): number {
    return this.#producer.metrics().spool!.takenRecords
  }

  /**
   * Waits for the cluster and the topic before the input is read. Returns false after an interrupt.
   */
  async #connect(): Promise<boolean> {
    const wait = { timeoutMs: connectTimeoutMs, signal: this.#stop.signal }
    try {
      await connectProducer(this.#producer, wait)
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
      counts: this.#counts,
      deadLetters,
      throttler: rate === undefined ? null : new ThroughputThrottler(rate),
      skip,
      limit: limit ?? Number.POSITIVE_INFINITY,
      progress: this.#progress,
      stopsOnError: stopOnError === true,
      signal: this.#stop.signal,
    })
    this.#sending = sending
    const stopInput = (): void => input.stop()
    this.#stop.signal.addEventListener('abort', stopInput, { once: true })
    const startedMs = nowMs()
    const stopProgress = startInputProgress(this.#terminal, input, () => ({
      bytesRead: sending.bytesRead,
      delivered: this.#producer.metrics().recordsDelivered,
      failed: this.#counts.failed,
    }))
    let failure: unknown = null
    let closed: CloseReport
    try {
      await sending.run().catch((error: unknown) => {
        failure = error ?? new Failure('The input could not be read')
      })
      closed = await this.#close(sending)
    } finally {
      stopProgress()
    }
    await deadLetters?.close()
    if (failure !== null) writeLine(this.#terminal.errors, describeFailure(failure))
    this.#checkCounts(closed)
    const seconds = (nowMs() - startedMs) / 1000
    const report = this.#report(sending, closed, input, deadLetters, seconds)
    this.#printReport(report, deadLetters)
    return this.#exitCode(report, failure, deadLetters)
  }

  /**
   * Closes the producer. With a spool it waits until every record is delivered, or for an
   * interrupt.
   */
  async #close(sending: Sending): Promise<CloseReport> {
    const progress = this.#progress
    if (progress === null) return this.#producer.close()
    await this.#producer.flush({ signal: this.#stop.signal }).catch(() => {})
    await this.#producer.flushSpool().catch(() => {})
    const isWhole = sending.reachedEnd && this.#producer.metrics().spool!.records === 0
    if (isWhole || progress.isComplete) progress.complete()
    else progress.writeClosed(this.#spoolCount())
    const closed = await this.#producer.close({ timeoutMs: this.#flags.drainTimeout * 1000 })
    if (isWhole && closed.spooled === 0) progress.remove()
    return closed
  }

  /** Throws if the records in the report don't add up to the records that were accepted. */
  #checkCounts({ delivered, spooled = 0 }: CloseReport): void {
    const { failed, groups } = this.#counts
    // After a failure of the spool, the next run reports what the spool holds.
    if (groups.some(({ code }) => code.startsWith('SPOOL_'))) return
    const recovered = this.#producer.metrics().spool?.recoveredRecords ?? 0
    const taken = this.#counts.taken + recovered
    if (taken === delivered + failed + spooled) return
    throw new Failure(
      `The counts must agree, got ${taken} records taken, ${failed} failed and ${delivered} ` +
        'delivered: please report this bug',
    )
  }

  #report(
    sending: Sending,
    { delivered }: CloseReport,
    input: Input,
    deadLetters: DeadLetterFile | null,
    seconds: number,
  ): ProduceReport {
    const { taken, failed, failedMaybe, groups } = this.#counts
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
      continues: this.#progress !== null,
      deadLetters:
        deadLetters === null ? null : { path: deadLetters.path, count: deadLetters.count },
    }
  }

  #printReport(report: ProduceReport, deadLetters: DeadLetterFile | null): void {
    const { output, errors } = this.#terminal
    if (this.#flags.json === true) writeJson(output, report)
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
