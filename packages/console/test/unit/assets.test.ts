// The page is whole by itself: everything that it names is served, and nothing comes from
// elsewhere.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveConsole } from '../../src/index.ts'
import { StandIn } from '../support/stage.ts'

const reference = /(?:\b(?:href|src)="|\bfrom '|\bimport ')(\.[^"']+)/g

/** Every file that can be reached from the page, with its text. */
const crawl = async (url: string): Promise<Map<string, string>> => {
  const found = new Map<string, string>()
  const visit = async (address: string): Promise<void> => {
    if (found.has(address)) return
    const response = await fetch(address)
    assert.equal(response.status, 200, address)
    const text = await response.text()
    found.set(address, text)
    // uPlot is one script that stands alone.
    if (address.endsWith('/uplot.js')) return
    for (const [, path] of text.matchAll(reference)) await visit(new URL(path!, address).href)
  }
  await visit(url)
  return found
}

test('every resource of the page is served by the console itself', async () => {
  await using served = await serveConsole(new StandIn())
  const files = await crawl(served.url)
  const paths = [...files.keys()].map((address) => new URL(address).pathname).sort()
  assert.deepEqual(paths, [
    '/',
    '/charts.js',
    '/dom.js',
    '/format.js',
    '/icon.svg',
    '/main.js',
    '/page.css',
    '/sections.js',
    '/uplot.css',
    '/uplot.js',
  ])
  for (const [address, text] of files) {
    const foreign = text
      .replaceAll('http://www.w3.org/2000/svg', '')
      .replaceAll('https://github.com/leeoniya/uPlot', '')
      .match(/\b(?:https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/gi)
    assert.deepEqual(foreign, null, address)
  }
})

test('the page has one heading of the first level, and a heading for every section', async () => {
  await using served = await serveConsole(new StandIn())
  const page = await (await fetch(served.url)).text()
  assert.equal(page.match(/<h1/g)?.length, 1)
  for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) {
    assert.match(page, new RegExp(`<h2 id="${id}"`))
  }
  for (const [header] of page.matchAll(/<th\b[^>]*>/g)) assert.match(header, /scope="col"/)
  assert.doesNotMatch(page, / style=| on[a-z]+=|<script>/)
})
