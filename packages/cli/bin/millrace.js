#!/usr/bin/env node
// The `millrace` command. Committed as JavaScript, so that npm can link it before a build.
import { existsSync } from 'node:fs'

const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  console.error('millrace: not built yet; run `npm run build` in the repository first.')
  process.exitCode = 1
}
