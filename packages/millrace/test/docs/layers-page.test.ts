// The page about the two layers is there in English and in Chinese. The words are translated by
// people; what a machine can compare is the same: code, headings, rows of tables, names.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { blocksOf } from './doc-blocks.ts'
import { docsPath } from './doc-programs.ts'

const english = await readFile(join(docsPath, 'layers.md'), 'utf8')
const chinese = await readFile(join(docsPath, 'layers.zh-CN.md'), 'utf8')

const codeOf = (text: string): string[] => blocksOf('layers', text).map(({ code }) => code)

const prose = (text: string): string => text.replace(/^```[a-z][\s\S]*?^```$/gm, '')

/** `##`, `##`, …: the levels of the headings, in order. */
const headingsOf = (text: string): string[] => prose(text).match(/^#+(?= )/gm) ?? []

/** The cells of a table's row hold the same code and the same figures in both languages. */
const rowsOf = (text: string): number => prose(text).match(/^\|/gm)?.length ?? 0

const namesOf = (text: string): string[] =>
  [...new Set([...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!))].sort()

test('both languages show the same code, block by block', () => {
  assert.ok(codeOf(english).length >= 6)
  assert.deepEqual(codeOf(chinese), codeOf(english))
})

test('both have the same headings, tables and lists', () => {
  assert.deepEqual(headingsOf(chinese), headingsOf(english))
  assert.equal(rowsOf(chinese), rowsOf(english))
  const items = (text: string) => prose(text).match(/^(- |\*\*)/gm)?.length
  assert.equal(items(chinese), items(english))
})

test('both name the same classes, options and errors', () => {
  assert.deepEqual(namesOf(chinese), namesOf(english))
})
