// Very many topics that are used once each by one producer: the plan, what is measured of each part
// of them, and when that is flat.

import { trendOf } from './slope.ts'

export interface TopicsPlan {
  readonly brokers: readonly string[]
  readonly topics: number
  /**
   * Measured together. The producer forgets half of 5,000 topics at a time: parts of a multiple of
   * 2,500 end at the same number of topics in memory.
   */
  readonly partTopics: number
  /** Topics that get their record in one turn. */
  readonly waveTopics: number
}

export interface TopicsPart {
  /** Heap and buffers after garbage collection. */
  readonly memoryBytes: number
  readonly metadataRequests: number
  /** Processor time, without the garbage collection that the measurement forces. */
  readonly cpuMs: number
}

export interface TopicsReport {
  readonly parts: readonly TopicsPart[]
  readonly failed: number
}

export const topicsPlan = (plan: Partial<TopicsPlan> = {}): TopicsPlan => ({
  brokers: [],
  topics: 100_000,
  partTopics: 10_000,
  waveTopics: 100,
  ...plan,
})

/** While these are measured, code is compiled and tables grow to their size. */
const warmUpParts = 2
const memoryGrowthMax = 1024 * 1024
const cpuGrowthShareMax = 0.2

export const trends = ({ parts }: TopicsReport) => {
  const measured = parts.slice(warmUpParts)
  return {
    memory: trendOf(measured.map(({ memoryBytes }) => memoryBytes)),
    cpu: trendOf(measured.map(({ cpuMs }) => cpuMs)),
  }
}

/** What is not flat, in sentences. `isTimed`: processor time is checked. */
export const topicsProblems = (report: TopicsReport, isTimed: boolean): string[] => {
  const { parts, failed } = report
  const { memory, cpu } = trends(report)
  const problems: string[] = []
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  must(failed === 0, `${failed} records failed`)
  const requests = parts.map(({ metadataRequests }) => metadataRequests)
  const [least, most] = [Math.min(...requests), Math.max(...requests)]
  must(most <= 1.2 * least + 5, `parts took ${least} to ${most} metadata requests`)
  const isMemoryFlat = memory.growth - memory.uncertainty <= memoryGrowthMax
  must(isMemoryFlat, `memory grew by ${memory.growth} ± ${memory.uncertainty} bytes`)
  const isCpuFlat = cpu.growth - cpu.uncertainty <= cpuGrowthShareMax * cpu.mean
  must(!isTimed || isCpuFlat, `processor time grew by ${cpu.growth} ± ${cpu.uncertainty} ms`)
  return problems
}
