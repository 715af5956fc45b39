// The README and the page about the two layers are there in English and in Chinese. The words are
// translated by people; what a machine can compare is the same (translations.ts). Of the README
// that is what users read, not the commands of the repository.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { docsPath, readmePath } from './doc-programs.ts'
import { codeOf, headingsOf, itemsOf, namesOf, rowsOf } from './translations.ts'

const forUsers = (readme: string): string =>
  readme.split(/^## (?:In this repository|在本仓库中)$/m)[0]!

const translated = [join(docsPath, 'layers.md'), readmePath]

for (const path of translated) {
  const english = forUsers(await readFile(path, 'utf8'))
  const chinese = forUsers(await readFile(path.replace(/\.md$/, '.zh-CN.md'), 'utf8'))

  test(`${basename(path)}: both languages show the same code, block by block`, () => {
    assert.ok(codeOf(english).length >= 6)
    assert.deepEqual(codeOf(chinese), codeOf(english))
  })

  test(`${basename(path)}: both have the same headings, tables and lists`, () => {
    assert.deepEqual(headingsOf(chinese), headingsOf(english))
    assert.equal(rowsOf(chinese), rowsOf(english))
    assert.equal(itemsOf(chinese), itemsOf(english))
  })

  test(`${basename(path)}: both name the same classes, options and errors`, () => {
    assert.deepEqual(namesOf(chinese), namesOf(english))
  })
}
