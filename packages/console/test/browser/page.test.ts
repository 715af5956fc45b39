// The page in a real Chromium: numbers move while a load runs, an injected fault appears with its
// remedy and disappears again, and the page is readable, narrow, and loads nothing from elsewhere.
// Screenshots are written to .cache/console, which is not committed.

import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Producer } from 'millrace'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { serveConsole } from '../../src/index.ts'
import { intervalMs, StandIn, startStage } from '../support/stage.ts'
import { chromiumPath } from './fixture/chromium.ts'
import { chartsAre, faintTexts, tooWide } from './fixture/page-checks.ts'
import { repositoryFolder } from './fixture/repository-folder.ts'

const desktop = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }
const narrowest = { width: 320, height: 600 }

const screenshots = join(repositoryFolder(), '.cache', 'console')

let browser: Browser

before(async () => {
  const executablePath = await chromiumPath()
  assert.ok(
    executablePath !== null,
    'Chromium is missing: install it, or name it: MILLRACE_CHROMIUM',
  )
  // A request to another host than ours finds none.
  const alone = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'
  browser = await chromium.launch({ executablePath, args: [alone] })
  await mkdir(screenshots, { recursive: true })
})

after(() => browser?.close())

/** A page that stores its requests, and what went wrong in it. */
const openPage = async (url: string, options: BrowserContextOptions) => {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const requests: string[] = []
  const errors: string[] = []
  context.on('request', (request) => requests.push(request.url()))
  const page = await context.newPage()
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(String(error)))
  await page.goto(url)
  return { page, requests, errors }
}

/** Waits until the sentence at the top matches. */
const untilSays = (page: Page, pattern: RegExp): Promise<unknown> =>
  page.waitForFunction(
    ([source]) => new RegExp(source!).test(document.querySelector('#sentence')?.textContent ?? ''),
    [pattern.source],
  )

const textOf = (page: Page, selector: string): Promise<string> =>
  page.locator(selector).first().innerText()

const shoot = (page: Page, name: string): Promise<unknown> =>
  page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })

/** Sends until it is stopped: a batch at a time, so that the cluster sets the pace. */
const startLoad = (producer: Producer) => {
  let goesOn = true
  const value = Buffer.alloc(200, 'x')
  const batch = Array.from({ length: 120 }, (_, index) => ({
    topic: 'orders',
    partition: index % 6,
    value,
  }))
  const ended = (async () => {
    while (goesOn) await producer.sendBatch(batch)
  })()
  return {
    end: () => {
      goesOn = false
      return ended
    },
  }
}

const numberIn = (text: string): number => Number(text.replace(/\D/g, ''))

test('numbers change, a fault with its remedy appears and ends, the end is shown', async () => {
  await using stage = await startStage({ lingerMs: 20 })
  const load = startLoad(stage.producer)
  const { url } = stage.served
  const { page, requests, errors } = await openPage(url, {
    viewport: desktop,
    colorScheme: 'light',
  })
  await untilSays(page, /^Delivering [\d,.]+ records\/s; 3 brokers connected\.$/)

  const acked = '#totals > div:nth-child(2) > dd'
  const before = numberIn(await textOf(page, acked))
  await page.waitForFunction(
    ([selector, count]) =>
      Number(document.querySelector(String(selector))?.textContent?.replace(/\D/g, '')) > count!,
    [acked, before] as [string, number],
  )
  assert.equal(await page.locator('#partitions tbody tr').count(), 6)
  assert.equal(await page.locator('#brokers tbody tr').count(), 3)
  assert.equal(await textOf(page, '#no-faults'), 'None so far.')
  assert.equal(await page.locator('canvas').count(), 4)
  assert.match(await textOf(page, '#client'), /^client shop, cluster \S+$/)
  assert.match(await textOf(page, '#topics tbody tr'), /^orders\s+6\s+[\d,]+ \/s/)
  const figures = await textOf(page, '#figures')
  assert.match(figures, /Buffer in use\s+[\d.]+ [kM]?B\s+of 33\.6 MB/)
  assert.match(figures, /Batch fill\s+\d+ %\s+[\d.]+ [kM]?B of 524 kB/)
  assert.match(figures, /Event loop delay\s+[\d.]+ m?s/)
  assert.match(figures, /Request p99\s+[\d.]+ m?s/)
  await page.locator('#options-details summary').click()
  assert.match(await textOf(page, '#options'), /lingerMs\s+20\b/)

  const everything = { api: 'Produce', count: Number.POSITIVE_INFINITY }
  stage.cluster.fault({ ...everything, error: 'NOT_ENOUGH_REPLICAS' })
  await untilSays(page, /^Not delivering: NOT_ENOUGH_REPLICAS on orders-\d/)
  assert.match(await textOf(page, '#detail'), /fewer replicas are in sync/)
  assert.match(await textOf(page, '#remedy'), /^Bring the missing replicas back/)
  assert.match(await textOf(page, '#spoken'), /^Not delivering: NOT_ENOUGH_REPLICAS/)
  assert.match(
    await textOf(page, '#faults li'),
    /NOT_ENOUGH_REPLICAS on orders-\d.*is being retried/,
  )
  assert.match(await textOf(page, '#faults li'), /Bring the missing replicas back/)
  assert.match(await textOf(page, '#partitions tbody tr'), /Retrying\s+NOT_ENOUGH_REPLICAS/)
  await shoot(page, 'fault')

  stage.cluster.removeFaults()
  await untilSays(page, /^Delivering /)
  await page.waitForFunction(() =>
    /was retried/.test(document.querySelector('#faults')!.textContent!),
  )

  await load.end()
  await stage.producer.close()
  await untilSays(page, /^The producer is closed: [\d,]+ records delivered, 0 failed\.$/)
  assert.deepEqual(errors, [])
  for (const request of requests) assert.equal(new URL(request).origin, new URL(url).origin)
  await stage.served.close()
  await untilSays(
    page,
    /^The console has stopped: its process does not respond\. These figures are of /,
  )
  await page.context().close()
})

test('in light, dark and on a phone the page is readable, and nothing overflows', async () => {
  await using stage = await startStage({ lingerMs: 20 })
  const load = startLoad(stage.producer)
  const failing = { api: 'Produce', topic: 'orders', partition: 3, error: 'NOT_ENOUGH_REPLICAS' }
  for (const [name, options] of [
    ['light', { viewport: desktop, colorScheme: 'light' }],
    ['dark', { viewport: desktop, colorScheme: 'dark' }],
    ['phone', { viewport: phone, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
    ['narrowest', { viewport: narrowest, colorScheme: 'dark' }],
  ] as const) {
    const { page, errors } = await openPage(stage.served.url, options)
    await untilSays(page, /^Delivering /)
    if (name !== 'narrowest') await shoot(page, name)
    stage.cluster.fault({ ...failing, count: Number.POSITIVE_INFINITY })
    await untilSays(page, /NOT_ENOUGH_REPLICAS on orders-3/)
    assert.deepEqual(await page.evaluate(tooWide, '.scroll'), [], `${name}: wider than the page`)
    assert.deepEqual(await page.evaluate(faintTexts), [], `${name}: too little contrast`)
    if (name === 'phone') await shoot(page, `${name}-fault`)
    stage.cluster.removeFaults()
    await untilSays(page, /^Delivering [\d,.]+ records\/s; /)
    assert.deepEqual(errors, [])
    await page.context().close()
  }
  await load.end()
})

test('the colors follow the system while the page is open, also in the charts', async () => {
  const source = new StandIn()
  await using served = await serveConsole(source, { intervalMs })
  const { page } = await openPage(served.url, { viewport: desktop, colorScheme: 'light' })
  await page.waitForSelector('canvas')
  await page.waitForFunction(chartsAre, 'light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForFunction(chartsAre, 'dark')
  await page.context().close()
})

test('thousands of partitions: the busiest are shown, and a filter finds the others', async () => {
  const source = new StandIn()
  await using served = await serveConsole(source, { intervalMs })
  for (let partition = 0; partition < 5000; partition++) source.deliver('clicks', partition, 1)
  for (let partition = 0; partition < 10; partition++) source.deliver('busy', partition, 900)
  const { page, errors } = await openPage(served.url, { viewport: phone })
  await page.waitForFunction(() =>
    /^The 50 busiest of 5,010 partitions$/.test(
      document.querySelector('#partition-count')?.textContent ?? '',
    ),
  )
  assert.equal(await page.locator('#partitions tbody tr').count(), 50)
  assert.match(await textOf(page, '#partitions tbody tr'), /^busy-0/)
  await page.locator('#filter').fill('clicks-4321')
  await page.waitForFunction(() => document.querySelectorAll('#partitions tbody tr').length === 1)
  assert.equal(await textOf(page, '#partition-count'), '1 of 5,010 partitions')
  assert.deepEqual(await page.evaluate(tooWide, '.scroll'), [])
  assert.deepEqual(errors, [])
  await page.context().close()
})

test('a console that restarts at the same port is drawn again', async () => {
  const first = await serveConsole(new StandIn(), { intervalMs })
  const port = Number(new URL(first.url).port)
  const { page } = await openPage(first.url, { viewport: desktop })
  await untilSays(page, /^Nothing has been sent yet/)
  await first.close()
  await untilSays(page, /^The console has stopped/)
  const source = new StandIn()
  source.snapshot = { ...source.snapshot, recordsDelivered: 77, clientId: 'second' }
  await using second = await serveConsole(source, { intervalMs, port })
  await untilSays(page, /^Nothing to send: 77 records delivered/)
  assert.equal(await textOf(page, '#client'), 'client second')
  assert.equal(second.url, first.url)
  await page.context().close()
})
