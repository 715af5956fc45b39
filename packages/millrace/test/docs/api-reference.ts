// The API reference, docs/api/NAME.md: every public name of a package with its docstring, members
// below their type. Made by `npm run api`; api-reference.test.ts compares the names.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findRoot } from '../tidy/repository.ts'
import { type PublicName, publicEntryPoints, publicNames } from './public-names.ts'

const widthMax = 100

/** `packages/millrace/src/layers.ts` → `millrace/layers` */
const importNameOf = (entryPoint: string): string => {
  const [, folder, entry] = /^packages\/([^/]+)\/src\/(\w+)\.ts$/.exec(entryPoint)!
  const manifest = join(findRoot(), 'packages', folder!, 'package.json')
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }
  return entry === 'index' ? name : `${name}/${entry}`
}

/** Words in lines of at most 100 columns, each begun with the indent. */
const wrapped = (text: string, first: string, rest: string): string => {
  const lines: string[] = []
  let line = first
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const isStart = line === first || line === rest
    if (!isStart && line.length + 1 + word.length > widthMax) {
      lines.push(line)
      line = rest
    }
    line += line === first || line === rest ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}

/** A docstring as Markdown: its text in paragraphs, its example as code. */
const docLines = (doc: string, first: string, rest: string): string => {
  const [text = '', example] = doc.split(/^@example$/m)
  const paragraphs = text
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .trim()
    .split(/\n{2,}/)
    .map((paragraph, index) => wrapped(paragraph, index === 0 ? first : rest, rest))
  if (example === undefined) return paragraphs.join('\n\n')
  const code = example.trim().replaceAll(/^(?=.)/gm, rest)
  return `${paragraphs.join('\n\n')}\n\n${rest}\`\`\`ts before\n${code}\n${rest}\`\`\``
}

const sectionOf = ({ name, kind, doc }: PublicName): string => {
  const member = kind === 'member' ? name.slice(name.indexOf('.') + 1) : null
  const text = doc ?? ''
  if (member === null) return `### ${name}\n\n${docLines(`*${kind}* – ${text}`, '', '')}`
  return docLines(`**\`${member}\`** – ${text}`, '- ', '  ')
}

/** The pages by their paths. */
export const apiReference = (): Map<string, string> => {
  const pages = new Map<string, string>()
  const layers = 'packages/millrace/src/layers.ts'
  for (const entryPoint of [...publicEntryPoints(), layers].sort()) {
    const name = importNameOf(entryPoint)
    const file = name.replace('@millrace/', '').replace('/', '-')
    const sections = publicNames(entryPoint).map(sectionOf).join('\n\n')
    const head = `Every public name of \`${name}\`, from the docstrings. Made by \`npm run api\`.`
    pages.set(`docs/api/${file}.md`, `# ${name}\n\n${head}\n\n${sections}\n`)
  }
  return pages
}
