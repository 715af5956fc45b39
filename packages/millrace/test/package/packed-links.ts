// The pages in a tarball, and whether each of their links leads to a file and a heading in it.

import { mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { anchorsOf, linksOf } from '../docs/page-links.ts'
import { runChecked } from '../kafka/fixture/commands.ts'
import type { Tarball } from './tarballs.ts'

const isOutside = (link: string): boolean => /^(https?|mailto):/.test(link)

export interface PackedLinks {
  readonly count: number
  readonly broken: readonly string[]
}

/** Unpacks the tarball into the folder, and follows the links of its pages. */
export const packedLinks = async (
  { path, name }: Tarball,
  folder: string,
): Promise<PackedLinks> => {
  const place = join(folder, name.replace('/', '-'))
  await mkdir(place, { recursive: true })
  await runChecked('tar', ['-xzf', path, '-C', place])
  const root = join(place, 'package')
  const files = (await readdir(root, { recursive: true })).map(String)
  const texts = new Map<string, string>()
  for (const file of files.filter((one) => one.endsWith('.md'))) {
    texts.set(file, await readFile(join(root, file), 'utf8'))
  }
  const broken: string[] = []
  let count = 0
  for (const [page, text] of texts) {
    for (const link of linksOf(text).filter((one) => !isOutside(one))) {
      count += 1
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? page : relative(root, join(root, dirname(page), file))
      const isThere = files.includes(target)
      const hasAnchor =
        anchor === undefined || (isThere && anchorsOf(texts.get(target) ?? '').has(anchor))
      if (!isThere || !hasAnchor) broken.push(`${name}/${page}: ${link}`)
    }
  }
  return { count, broken }
}
