// A new user: the commands, files and printed lines of docs/getting-started.md, in an empty folder
// and in the order of the page, with the real npm, tsx and Jest. What differs from the page: our
// packages come from their tarballs, and the cluster listens on a free port.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { blocksOf, type DocBlock, fileOf, linesNotPrinted } from '../../docs/doc-blocks.ts'
import { findRoot } from '../../tidy/repository.ts'
import type { Tarball } from '../tarballs.ts'
import type { Project, Surroundings } from './project.ts'

const page = 'docs/getting-started.md'

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

/** A package of this repository, and those that it depends on: no registry has them yet. */
const withOurs = async (name: string): Promise<readonly string[]> => {
  const folder = name.replace('@millrace/', '')
  const path = join(findRoot(), 'packages', folder, 'package.json')
  const { dependencies = {} } = JSON.parse(await readFile(path, 'utf8'))
  const ours = Object.keys(dependencies).filter((one) => /^(@millrace\/|millrace$)/.test(one))
  return [name, ...(await Promise.all(ours.map(withOurs))).flat()]
}

/** The command with tarballs in the place of our packages. */
const withTarballs = async (
  code: string,
  tarballs: ReadonlyMap<string, Tarball>,
): Promise<string> => {
  const named = /^npm install (millrace .*)$/m.exec(code)?.[1]?.split(' ') ?? []
  if (named.length === 0) return code
  const names = new Set((await Promise.all(named.map(withOurs))).flat())
  const paths = [...names].map((name) => tarballs.get(name)!.path)
  return code.replace(named.join(' '), paths.join(' '))
}

class PageInFolder {
  readonly #surroundings: Surroundings
  readonly #port: number
  #background: ChildProcess | null = null
  #printed = ''

  constructor(surroundings: Surroundings, port: number) {
    this.#surroundings = surroundings
    this.#port = port
  }

  async follow(block: DocBlock): Promise<void> {
    const { folder, run, tarballs } = this.#surroundings
    const code = block.code.replaceAll('localhost:9092', `127.0.0.1:${this.#port}`)
    const file = fileOf(block)
    if (file !== undefined) await writeFile(join(folder, file), code)
    else if (block.language === 'text') this.#compare(block, code)
    else if (block.words.includes('background')) await this.#start(code)
    else if (block.language === 'sh') {
      this.#printed = await run(['sh', '-eu', '-c', await withTarballs(code, tarballs)])
    }
  }

  close(): void {
    if (this.#background !== null) process.kill(-this.#background.pid!, 'SIGINT')
  }

  #compare({ place }: DocBlock, code: string): void {
    const missing = linesNotPrinted(code.replace(/127\.0\.0\.1:\d+/g, '…'), this.#printed)
    if (missing.length === 0) return
    throw new Error(`${place}: not printed: ${missing.join('\n')}\nbut:\n${this.#printed}`)
  }

  /** In a second terminal; resolves when it has said where the cluster is. */
  async #start(code: string): Promise<void> {
    const { folder } = this.#surroundings
    const command = `exec ${code.trim()} --port ${this.#port}`
    const child = spawn('sh', ['-eu', '-c', command], { cwd: folder, detached: true })
    this.#background = child
    this.#printed = ''
    child.stderr.resume()
    for await (const bytes of child.stdout) {
      this.#printed += String(bytes)
      if (this.#printed.includes('Ctrl-C')) break
    }
  }
}

const follow = async (surroundings: Surroundings): Promise<void> => {
  const text = await readFile(join(findRoot(), page), 'utf8')
  const inFolder = new PageInFolder(surroundings, await freePort())
  try {
    for (const block of blocksOf(page, text)) await inFolder.follow(block)
  } finally {
    inFolder.close()
  }
}

export const firstStepProjects: readonly Project[] = [
  {
    name: 'Getting started, as the page has it, from an empty folder',
    tested: 'the newest tsx, Jest and SWC',
    quick: false,
    install: [],
    files: {},
    prepare: follow,
    commands: [],
    records: 0,
  },
]
