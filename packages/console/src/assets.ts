// The static files of the page by their paths on the server: the page's own files and those of
// uPlot. They are read once, when a console starts. Callers: http-server.ts and serve-console.ts. A
// path that is not in this table must not be served.

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

/** The page is in a folder beside this module; in the bundle it is one folder above. */
const folder = existsSync(new URL('page/index.html', import.meta.url))
  ? new URL('.', import.meta.url)
  : new URL('src/', import.meta.url)

const own = (path: string): string => fileURLToPath(new URL(path, folder))

const { resolve } = createRequire(import.meta.url)

/** The page's folder is the root of the server, so a browser resolves `../format` to `/format`. */
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

/** Reads all files. A missing file is reported when the console starts. */
export const loadAssets = async (): Promise<ReadonlyMap<string, Asset>> =>
  new Map(
    await Promise.all(
      places.map(async ([path, type, file]) => {
        const body = await readFile(file)
        return [path, { type: types[type], body }] as const
      }),
    ),
  )
