// Runs one measurement in a process of its own and returns the last line of its output as JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Rejects when the process fails, says nothing, or takes too long. `onStart` is given the process.
 */
export const runChild = async (command, args, options = {}) => {
  const { timeoutMs = 120_000, env = process.env, cwd, onStart } = options
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd })
  let output = ''
  let complaints = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaints = (complaints + text).slice(-4000)
  })
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeoutMs)
  onStart?.(child)
  const [code, signal] = await once(child, 'close').finally(() => clearTimeout(timer))
  if (isLate) throw new Error(`it took more than ${timeoutMs / 1000} s`)
  if (code !== 0) throw new Error(`it ended with ${signal ?? `exit code ${code}`}: ${complaints}`)
  const line = output.trim().split('\n').at(-1)
  try {
    return JSON.parse(line)
  } catch {
    throw new Error(`its last line is no report: ${line}`)
  }
}
