// The load program as the test holds it: starts it with rejections that end a process, follows its
// progress, stops it, and sees it end by itself.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/runtime/clock.ts'
import {
  Fates,
  type LoadMessage,
  type LoadPlan,
  type LoadProgress,
  type LoadReport,
} from './load-plan.ts'

/** This file's own form decides: a source starts a source, a compiled file a compiled one. */
export const programPath = (name: string): string =>
  fileURLToPath(
    new URL(`./${name}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
  )

/** Starts a program of this folder; it must not outlive us, and must not think it is a test. */
export const startProgram = (
  name: string,
  argument: object,
  flags: readonly string[],
): ChildProcess => {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
  return fork(programPath(name), [JSON.stringify(argument)], {
    execArgv: ['--unhandled-rejections=strict', '--no-warnings=ExperimentalWarning', ...flags],
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/** The exit code, once all that the program has sent is here. */
export const endOf = async (child: ChildProcess): Promise<number | null> => {
  const [[code]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  return code
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    systemClock.setTimer(ms, resolve)
  })

export class LoadProcess {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #ended: Promise<number | null>
  #report: LoadReport | null = null
  #watchers: (() => void)[] = []
  progress: LoadProgress = { sent: 0, delivered: 0, failed: 0 }

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
    child.on('message', (message: LoadMessage) => this.#onMessage(message))
    this.#ended = endOf(child).finally(() => this.#tellWatchers())
  }

  static async start(plan: Omit<LoadPlan, 'fatesPath'>): Promise<LoadProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-load-'))
    const full: LoadPlan = { ...plan, fatesPath: join(folder, 'fates') }
    return new LoadProcess(startProgram('load-program', full, ['--expose-gc']), folder)
  }

  #onMessage(message: LoadMessage): void {
    if (message.kind === 'report') this.#report = message.report
    else this.progress = message.progress
    this.#tellWatchers()
  }

  #tellWatchers(): void {
    const watchers = this.#watchers
    this.#watchers = []
    for (const watcher of watchers) watcher()
  }

  /** Resolves when the progress is as wanted; rejects when the program ends before. */
  async until(isReached: (progress: LoadProgress) => boolean): Promise<void> {
    while (!isReached(this.progress)) {
      if (this.#child.exitCode !== null) throw new Error('the load program ended')
      await new Promise<void>((resolve) => this.#watchers.push(resolve))
    }
  }

  /** Ends the sending; the report, the fate of each record, and the program's exit code. */
  async stop(): Promise<{ report: LoadReport; fates: Fates; exitCode: number | null }> {
    this.#child.send('stop')
    const exitCode = await this.#ended
    if (this.#report === null) throw new Error(`the load program ended with code ${exitCode}`)
    const fates = Fates.read(await readFile(join(this.#folder, 'fates')))
    return { report: this.#report, fates, exitCode }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
    await this.#ended
    await rm(this.#folder, { recursive: true, force: true })
  }
}
