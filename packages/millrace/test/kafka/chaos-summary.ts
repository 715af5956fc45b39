// The figures of the long runs, in sentences, for scripts/chaos.mjs: it prints the file that
// MILLRACE_CHAOS_SUMMARY names. Without it they are diagnostics of the test only.

import { appendFileSync } from 'node:fs'

export const addToSummary = (sentence: string): void => {
  const path = process.env.MILLRACE_CHAOS_SUMMARY
  if (path !== undefined) appendFileSync(path, `${sentence}\n`)
}
