// The code blocks of a Markdown page. What the first line of a block says beside its language is
// how it runs:
//   ```ts, ```js          a program, run to its end; with `file=NAME` a file of the page,
//                         which a later shell block runs
//   ```sh                 run by `sh -eu`, one block after the other in the folder of the page;
//                         with `background` it goes on until the page is done
//   ```text               what the block before it has printed
//   ```json, ```yaml, ```properties   read by what reads such files; `file=NAME` as above
//   ```ts kafka           a program that needs a real Kafka and another client: a test of the kafka
//                         suite runs it (test/kafka/exactly-once.test.ts)
//   ```java, ```js before what people come from: another client's code, which is quoted
// Blocks without a language are pictures.

export interface DocBlock {
  /** `layers.md:34`: where the block's code begins. */
  readonly place: string
  readonly language: string
  /** `background`, `before`, `file=send.mjs` */
  readonly words: readonly string[]
  readonly code: string
}

const opening = /^```([a-z]+)(?: (.*))?$/
const picture = /^```$/
const closing = /^```\s*$/

/** Throws where a block is not closed. */
export const blocksOf = (page: string, text: string): DocBlock[] => {
  const blocks: DocBlock[] = []
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const opened = opening.exec(lines[index]!)
    if (opened === null && !picture.test(lines[index]!)) continue
    const start = index + 1
    while (++index < lines.length && !closing.test(lines[index]!)) {}
    if (index >= lines.length) throw new Error(`${page}:${start}: the code block is not closed`)
    if (opened === null) continue
    blocks.push({
      place: `${page}:${start + 1}`,
      language: opened[1]!,
      words: (opened[2] ?? '').split(' ').filter((word) => word !== ''),
      code: `${lines.slice(start, index).join('\n')}\n`,
    })
  }
  return blocks
}

/** The name of the file that a block is, where it is one. */
export const fileOf = ({ words }: DocBlock): string | undefined =>
  words.find((word) => word.startsWith('file='))?.slice('file='.length)

export const isProgram = ({ language }: DocBlock): boolean => language === 'ts' || language === 'js'

/** A program that the kafka suite runs. */
export const needsKafka = ({ words }: DocBlock): boolean => words.includes('kafka')

/** Another client's code. */
export const isQuoted = ({ language, words }: DocBlock): boolean =>
  language === 'java' || words.includes('before')

const withNumbers = /[\d.,]*\d/g
const special = /[.*+?^${}()|[\]\\]/g

/** A line that was printed, with any numbers, any blanks, and anything where the page has `…`. */
const patternOf = (line: string): RegExp => {
  const parts = line
    .trim()
    .replaceAll(/█+/g, '█')
    .split(/(\s+|…|█|[\d.,]*\d)/)
    .map((part) => {
      if (/^\s+$/.test(part)) return '\\s+'
      if (part === '…') return '.*'
      if (part === '█') return '█*'
      return withNumbers.test(part) ? '[\\d.,]+' : part.replaceAll(special, '\\$&')
    })
  return new RegExp(`^\\s*${parts.join('')}\\s*$`)
}

/** The lines of a text block that were not printed, in this order. */
export const linesNotPrinted = (block: string, printed: string): string[] => {
  const lines = printed.split('\n')
  let next = 0
  return block.split('\n').filter((line) => {
    if (line.trim() === '' || line.trim() === '…') return false
    const pattern = patternOf(line)
    const found = lines.findIndex((one, index) => index >= next && pattern.test(one))
    if (found >= 0) next = found + 1
    return found < 0
  })
}
