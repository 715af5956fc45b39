// The files of the page, by their paths on the server: our own and uPlot's, read once when a
// console starts. A path that is not listed is not served.

import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const

/** The page lies beside this module; what is bundled is one folder above it. */
const folder = existsSync(new URL('page/index.html', import.meta.url))
  ? new URL('.', import.meta.url)
  : new URL('src/', import.meta.url)

const own = (path: string): string => fileURLToPath(new URL(path, folder))

const { resolve } = createRequire(import.meta.url)

/** The page's folder is the server's root; above a root there is only the root again. */
const scripts = ['main', 'charts', 'dom', 'sections', '../format']

const places: readonly (readonly [path: string, type: keyof typeof types, file: string])[] = [
  ['/', 'html', own('page/index.html')],
  ['/page.css', 'css', own('page/page.css')],
  ['/icon.svg', 'svg', own('page/icon.svg')],
  ...scripts.map((name) => {
    const path = new URL(`${name}.js`, 'http://localhost/').pathname
    return [path, 'js', own(`page/${name}.js`)] as const
  }),
  ['/uplot.js', 'js', resolve('uplot/dist/uPlot.iife.min.js')],
  ['/uplot.css', 'css', resolve('uplot/dist/uPlot.min.css')],
]

/** Reads them all: a package that lacks one says so when the console starts. */
export const loadAssets = async (): Promise<ReadonlyMap<string, Asset>> =>
  new Map(
    await Promise.all(
      places.map(async ([path, type, file]) => {
        const body = await readFile(file)
        return [path, { type: types[type], body }] as const
      }),
    ),
  )
