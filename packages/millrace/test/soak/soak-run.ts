// Runs the soak program to its end, which it must reach by itself.

import { endOf, startProgram } from './load-process.ts'
import type { SoakPlan, SoakReport } from './soak-plan.ts'

export const runSoak = async (plan: SoakPlan): Promise<SoakReport> => {
  const child = startProgram('soak-program', plan, ['--expose-gc'])
  let report: SoakReport | null = null
  child.on('message', (message) => {
    report = message as SoakReport
  })
  const code = await endOf(child)
  if (report === null || code !== 0) throw new Error(`the soak program ended with code ${code}`)
  return report
}
