// Runs the program of very many topics to its end, against brokers or an in-process cluster here.

import { startCluster } from '../../src/testing.ts'
import { endOf, startProgram } from './load-process.ts'
import type { TopicsPlan, TopicsReport } from './topics-plan.ts'

const runProgram = async (plan: TopicsPlan): Promise<TopicsReport> => {
  const child = startProgram('topics-program', plan, ['--expose-gc'])
  let report: TopicsReport | null = null
  child.on('message', (message) => {
    report = message as TopicsReport
  })
  const code = await endOf(child)
  if (report === null || code !== 0) throw new Error(`the topics program ended with code ${code}`)
  return report
}

/** Without brokers in the plan: an in-process cluster. */
export const runTopics = async (plan: TopicsPlan): Promise<TopicsReport> => {
  if (plan.brokers.length > 0) return runProgram(plan)
  const cluster = await startCluster({ nodes: 3 })
  try {
    return await runProgram({ ...plan, brokers: cluster.brokers })
  } finally {
    await cluster.close()
  }
}
