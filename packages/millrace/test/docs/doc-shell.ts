// Runs the shell blocks of a page, in the folder of the page: `npm`, `npx`, `millrace` and
// `keytool` are stand-ins (command-stand-in.ts), `node` is the one that the tests run on,
// everything else is the machine's.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childEnvironment, extension, runToEnd } from './doc-programs.ts'

const standIn = fileURLToPath(new URL(`./command-stand-in.${extension}`, import.meta.url))
const played = ['npm', 'npx', 'millrace', 'keytool']

interface Background {
  readonly child: ChildProcess
  /** Everything that it has printed. */
  text: string
}

export class DocShell {
  readonly #folder: string
  readonly #environment: NodeJS.ProcessEnv
  readonly #running: Background[] = []
  /** What blocks export holds in the blocks after them, as in a terminal. */
  #exports = ''

  private constructor(folder: string, environment: NodeJS.ProcessEnv) {
    this.#folder = folder
    this.#environment = environment
  }

  static async open(folder: string, environment: NodeJS.ProcessEnv): Promise<DocShell> {
    const commands = join(folder, 'commands')
    await mkdir(commands)
    const write = async (name: string, args: string): Promise<void> => {
      const path = join(commands, name)
      await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' ${args}"$@"\n`)
      await chmod(path, 0o755)
    }
    for (const name of played) await write(name, `'${standIn}' ${name} `)
    await write('node', '')
    const path = `${commands}:${process.env.PATH}`
    return new DocShell(folder, childEnvironment({ ...environment, PATH: path }))
  }

  /** Returns what was printed, errors after the rest. */
  async run(code: string): Promise<string> {
    const args = ['-eu', '-c', this.#exports + code]
    const printed = await runToEnd('sh', args, { cwd: this.#folder, env: this.#environment })
    this.#exports += [...code.matchAll(/^(?:export|cd) .*\n/gm)].join('')
    return printed
  }

  /** Starts a block that goes on; resolves with its output up to a line that matches. */
  async start(code: string, ready: RegExp): Promise<string> {
    const env = { ...this.#environment, MILLRACE_DOC_BACKGROUND: 'yes' }
    const child = spawn('sh', ['-eu', '-c', `${this.#exports}exec ${code}`], {
      cwd: this.#folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, which is interrupted as a terminal does it.
      detached: true,
    })
    const running: Background = { child, text: '' }
    this.#running.push(running)
    return new Promise((resolve, reject) => {
      const hear = (bytes: Buffer): void => {
        running.text += String(bytes)
        if (ready.test(running.text)) resolve(running.text)
      }
      child.stdout!.on('data', hear)
      child.stderr!.on('data', hear)
      child.on('error', reject)
      child.on('close', () => reject(new Error(`it ended:\n${running.text}`)))
    })
  }

  /** Interrupts what still runs, and waits for its end; returns what it had printed. */
  async close(): Promise<string> {
    for (const { child } of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const closed = once(child, 'close')
      process.kill(-child.pid!, 'SIGINT')
      await closed
    }
    return this.#running.map(({ text }) => text).join('')
  }
}
