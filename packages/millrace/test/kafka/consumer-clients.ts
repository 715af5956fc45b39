// The clients whose consumers the exactly-once pages pair with Millrace: installed once
// (consumers/package.json), each with the Node that it runs on. The native part of
// @confluentinc/kafka-javascript comes prebuilt, or is compiled, which takes minutes: only
// `makeNative` does it.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runtimePath, runtimes } from '../package/runtimes.ts'
import { npm, toolsFolder } from '../package/tools.ts'
import { runCommand } from './fixture/commands.ts'

export type ClientName = 'kafkajs' | '@platformatic/kafka' | '@confluentinc/kafka-javascript'

const native: ClientName = '@confluentinc/kafka-javascript'
const compileTimeoutMs = 1_800_000
/** @platformatic/kafka 2 does not run on older ones. */
const newerNode = 'Node 24'

const clientsFolder = (): Promise<string> => toolsFolder('../kafka/consumers')

/** The address of a client's entry point, for an import. */
export const clientUrl = async (name: ClientName): Promise<string> => {
  const require = createRequire(join(await clientsFolder(), 'package.json'))
  return pathToFileURL(require.resolve(name)).href
}

/** The Node that a client's program runs on. */
export const nodeFor = (name: ClientName): Promise<string> =>
  name === '@platformatic/kafka'
    ? runtimePath(runtimes.find((runtime) => runtime.name === newerNode)!)
    : Promise.resolve(process.execPath)

/** Why a client cannot be loaded here; null = it can. */
export const missingPart = async (name: ClientName): Promise<string | null> => {
  if (name !== native) return null
  const { code } = await runCommand(process.execPath, ['-e', `require('${name}')`], {
    cwd: await clientsFolder(),
  })
  return code === 0 ? null : `${name} has no native part yet: npm run exactly-once makes it`
}

/** Fetches or compiles the native part; the compiler and Debian's packages are needed for that. */
export const makeNative = async (): Promise<void> => {
  if ((await missingPart(native)) === null) return
  const prefix = join(dirname(process.execPath), '..')
  const headers = existsSync(join(prefix, 'include/node/node.h'))
  await npm(['rebuild', native, '--loglevel=error'], {
    cwd: await clientsFolder(),
    timeoutMs: compileTimeoutMs,
    environment: { JOBS: 'max', ...(headers ? { npm_config_nodedir: prefix } : {}) },
  })
}
