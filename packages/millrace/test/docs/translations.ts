// A page and its translation: the words are people's; what a machine can compare is the same: code,
// headings, rows of tables, lists, names.

import { blocksOf } from './doc-blocks.ts'

export const codeOf = (text: string): string[] => blocksOf('page', text).map(({ code }) => code)

const prose = (text: string): string => text.replace(/^```[a-z][\s\S]*?^```$/gm, '')

/** `##`, `##`, …: the levels of the headings, in order. */
export const headingsOf = (text: string): string[] => prose(text).match(/^#+(?= )/gm) ?? []

export const rowsOf = (text: string): number => prose(text).match(/^\|/gm)?.length ?? 0

export const itemsOf = (text: string): number => prose(text).match(/^(- |\*\*)/gm)?.length ?? 0

export const namesOf = (text: string): string[] =>
  [...new Set([...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!))].sort()
