// Every code block of the README and of the pages under docs/ is executed: programs and shell
// commands against the in-process cluster, in processes of their own that must end by themselves;
// files by what reads them; output against what was printed. Only quoted code of another client and
// programs that the kafka suite runs are skipped, and the count is printed at the end.

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseSource } from '../tidy/syntax.ts'
import {
  blocksOf,
  type DocBlock,
  fileOf,
  isProgram,
  isQuoted,
  linesNotPrinted,
  needsKafka,
} from './doc-blocks.ts'
import { compileBlocks, docsPath, readmePath, runProgram, withImports } from './doc-programs.ts'
import { DocShell } from './doc-shell.ts'
import { type DocStage, setStage } from './doc-stage.ts'

const withFolder = async <Value>(body: (folder: string) => Promise<Value>): Promise<Value> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-docs-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const pages = async (): Promise<string[]> => {
  const names = (await readdir(docsPath)).filter((name) => name.endsWith('.md')).sort()
  return [readmePath, ...names.map((name) => join(docsPath, name))]
}

test('blocks are found with what their first line says; an open one is an error', () => {
  const text =
    'a\n```sh\nls\n```\n```ts\nlet a = 1\n```\n```\na → b\n```\n```js file=b.mjs\nb\n```\n'
  assert.deepEqual(blocksOf('p.md', text), [
    { place: 'p.md:3', language: 'sh', words: [], code: 'ls\n' },
    { place: 'p.md:6', language: 'ts', words: [], code: 'let a = 1\n' },
    { place: 'p.md:12', language: 'js', words: ['file=b.mjs'], code: 'b\n' },
  ])
  assert.throws(() => blocksOf('p.md', '```ts\nlet a'), /p\.md:1: the code block is not closed/)
})

test('printed output may differ in numbers and blanks, and at each … of the page', () => {
  const printed = 'The cluster is up: 127.0.0.1:40123\n1,000 taken, 0 failed (12.5/s)\n'
  assert.deepEqual(linesNotPrinted('10 taken, 2 failed (1,345/s)\n', printed), [])
  assert.deepEqual(linesNotPrinted('The cluster   is up: …\n\n', printed), [])
  assert.deepEqual(linesNotPrinted('10 taken, 2 lost (1/s)\n', printed), ['10 taken, 2 lost (1/s)'])
})

test('a wrong block fails: by its syntax, an exception, or a missing import', () =>
  withFolder(async (folder) => {
    const text = "```ts\nthrow new Error('a' + 1)\n```\n```js\nimport { No } from 'millrace'\n```\n"
    const [thrower, importer] = await compileBlocks(blocksOf('p.md', text), folder)
    await assert.rejects(runProgram(thrower!, folder), /it failed:[\s\S]*Error: a1/)
    await assert.rejects(runProgram(importer!, folder), /does not provide an export named 'No'/)
    const broken = compileBlocks(blocksOf('p.md', '```ts\nlet = =\n```\n'), folder)
    await assert.rejects(broken, /does not compile/)
  }))

/** How many blocks there are, how many of them were executed, and how many quote others. */
const counts = { blocks: 0, executed: 0, quoted: 0, forKafka: 0 }

/** A shell block names the file, or runs the tool whose settings it has. */
const isUsed = (file: string, code: string): boolean => {
  const tool = file === 'tsconfig.json' ? 'tsc' : /^([a-z]+)\.config\./.exec(file)?.[1]
  return code.includes(file) || (tool !== undefined && /^npx (\w+)/m.exec(code)?.[1] === tool)
}

class PageRun {
  readonly #stage: DocStage
  readonly #shell: DocShell
  readonly #folder: string
  readonly #programs = new Map<DocBlock, string>()
  readonly #written = new Set<string>()
  /** What the last block that ran has printed. */
  #printed = ''

  constructor(stage: DocStage, shell: DocShell, folder: string) {
    this.#stage = stage
    this.#shell = shell
    this.#folder = folder
  }

  /** All programs of the page in one go: the compiler takes a second to start. */
  async compile(blocks: readonly DocBlock[]): Promise<void> {
    const programs = blocks.filter((one) => isProgram(one) && fileOf(one) === undefined)
    if (programs.length === 0) return
    const paths = await compileBlocks(programs, this.#folder)
    for (const [index, block] of programs.entries()) this.#programs.set(block, paths[index]!)
  }

  async execute(block: DocBlock): Promise<void> {
    const file = fileOf(block)
    const code = this.#stage.connected(block.code)
    if (file !== undefined) await this.#write(file, isProgram(block) ? withImports(code) : code)
    else if (isProgram(block)) this.#printed = await this.#run(block)
    if (isProgram(block)) return
    if (block.language === 'sh') await this.#runShell(block, code)
    else if (block.language === 'text') this.#compare(code)
    else await this.#read(block.language, code)
  }

  async #write(file: string, code: string): Promise<void> {
    await writeFile(join(this.#folder, file), code)
    this.#written.add(file)
  }

  async #run(block: DocBlock): Promise<string> {
    const program = this.#programs.get(block)!
    // Addresses last: an earlier block of the page may have brought up the broker.
    await writeFile(program, this.#stage.connected(await readFile(program, 'utf8')))
    return runProgram(program, this.#folder, this.#stage.environment)
  }

  async #runShell({ words }: DocBlock, code: string): Promise<void> {
    for (const file of this.#written) if (isUsed(file, code)) this.#written.delete(file)
    if (!words.includes('background')) {
      this.#printed = await this.#shell.run(code)
      return
    }
    this.#printed = await this.#shell.start(code, /Ctrl-C ends it/)
    const [, address] = /The cluster is up: ([\w.:]+)/.exec(this.#printed) ?? []
    assert.ok(address !== undefined, this.#printed)
    this.#stage.useBroker(address)
  }

  #compare(code: string): void {
    assert.deepEqual(linesNotPrinted(code, this.#printed), [], `printed was:\n${this.#printed}`)
  }

  async #read(language: string, code: string): Promise<void> {
    if (language === 'json') JSON.parse(code)
    else if (language === 'yaml') {
      assert.deepEqual(
        parseAllDocuments(code).flatMap(({ errors }) => errors),
        [],
      )
    } else if (language === 'properties') {
      await writeFile(join(this.#folder, 'page.properties'), code)
      const printed = await this.#shell.run('millrace topics list --config page.properties\n')
      assert.doesNotMatch(printed, /not known|is ignored|not used/)
    } else assert.fail(`nothing reads ${language}`)
  }

  /** A file that no shell block names has not run. */
  finish(): void {
    assert.deepEqual([...this.#written], [], 'written, and used by no shell block')
  }
}

/** The test that runs the blocks for a real Kafka names their pages. */
const kafkaSuite = await readFile(
  join(docsPath, '../packages/millrace/test/kafka/exactly-once.test.ts'),
  'utf8',
)

const runPage = async (name: string, text: string, context: TestContext): Promise<void> => {
  const blocks = blocksOf(name, text)
  counts.blocks += blocks.length
  await withFolder(async (folder) => {
    await using stage = await setStage(text, folder)
    const shell = await DocShell.open(folder, stage.environment)
    try {
      const page = new PageRun(stage, shell, folder)
      await page.compile(blocks.filter((block) => !isQuoted(block) && !needsKafka(block)))
      for (const block of blocks) {
        if (needsKafka(block)) {
          assert.ok(kafkaSuite.includes(`'${name}'`), `no test of the kafka suite runs ${name}`)
          counts.forKafka += 1
        } else if (isQuoted(block)) {
          counts.quoted += 1
          // Nothing runs it here, but it must be JavaScript.
          if (isProgram(block)) parseSource(`${block.place}.js`, block.code)
        } else {
          await context.test(`${block.place} ${block.language}`, async () => {
            await page.execute(block)
            counts.executed += 1
          })
        }
      }
      page.finish()
    } finally {
      await shell.close()
    }
  })
}

const texts = await Promise.all(
  (await pages()).map(async (page) => [basename(page), await readFile(page, 'utf8')] as const),
)

// Several at a time: their programs wait for brokers and for each other, not for the processor.
describe('every code block is executed', { concurrency: 3 }, () => {
  for (const [name, text] of texts) {
    if (blocksOf(name, text).length > 0) test(name, (context) => runPage(name, text, context))
  }
})

test('executed are all code blocks but those that quote other clients', () => {
  const { blocks, executed, quoted, forKafka } = counts
  const own = blocks - quoted - forKafka
  const percent = Math.round((100 * executed) / own)
  console.log(
    `Documentation: ${executed} of ${own} code blocks executed (${percent} %), ${quoted} quoted, ` +
      `${forKafka} left to the kafka suite.`,
  )
  assert.equal(executed, own)
})
