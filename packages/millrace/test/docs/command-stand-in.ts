// Runs as `npm`, `npx`, `millrace` and `keytool` in the shell blocks of the documentation (see
// doc-shell.ts): `command-stand-in.ts NAME WORDS…`. What can run here runs: the command line, and
// `npm start`. What can't is held against what it names: a script and its flags must be there, an
// installed package must be one that there is. Commands that go on until an interrupt get one as
// soon as they are up, unless the block is one of the background.

import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { findRoot } from '../tidy/repository.ts'
import { jest, tsx } from './tool-stand-ins.ts'

const root = findRoot()
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const built = extension === 'ts' ? 'src' : 'dist/src'

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const manifestOf = (path: string): Manifest => JSON.parse(readFileSync(join(root, path), 'utf8'))

const reject: (args: string) => never = (args) => {
  process.stderr.write(`${args}\n`)
  process.exit(1)
}

/** What the projects of users are tested with. */
const developmentTools = (): Set<string> => {
  const path = 'packages/millrace/test/package/projects/tools/package.json'
  const { dependencies } = manifestOf(path)
  return new Set(Object.keys(dependencies!))
}

/** Packages of ours, and those of which ours are neighbours. */
const installable = (): Set<string> => {
  const names = new Set<string>()
  for (const folder of readdirSync(join(root, 'packages'))) {
    const { name, peerDependencies = {} } = manifestOf(`packages/${folder}/package.json`)
    for (const one of [name, ...Object.keys(peerDependencies)]) names.add(one)
  }
  return names
}

/** As npm does it, from what lies in the repository. */
const install = (args: readonly string[]): void => {
  const known = installable()
  for (const name of args.filter((word) => !word.startsWith('-'))) {
    if (args.includes('--save-dev') && developmentTools().has(name)) continue
    if (!known.has(name))
      reject(`npm install: ${name} is not a package of the workspace or beside one`)
    if (args.includes('--global')) continue
    const link = join('node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    if (!existsSync(link)) symlinkSync(join(root, 'node_modules', name), link)
  }
}

/** A script of the repository must be there, and know the flags that it is given. */
const checkScript = (name: string, args: readonly string[]): void => {
  const script = manifestOf('package.json').scripts?.[name]
  if (script === undefined) reject(`npm run ${name}: the script does not exist`)
  const path = script.split(' ').find((word) => /\.m?js$/.test(word))!
  const text = readFileSync(join(root, path), 'utf8')
  for (const flag of args.filter((word) => word.startsWith('--') && word !== '--')) {
    if (!text.includes(`${flag} `)) reject(`npm run ${name}: ${path} does not know ${flag}`)
  }
}

const longRunning: ReadonlySet<string> = new Set(['cluster', 'console'])

/** Any free port instead of the one that is named: the machine may have something there. */
const onFreePort = (args: readonly string[]): string[] => {
  const at = args.findIndex((word) => word === '--port' || word === '-p')
  const others = at < 0 ? [...args] : args.filter((_, index) => index !== at && index !== at + 1)
  return [...others, '--port', '0']
}

const runNode = (program: string, args: readonly string[], untilUp: boolean): void => {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['inherit', 'pipe', 'inherit'],
  })
  let isUp = false
  child.stdout.on('data', (bytes: Buffer) => {
    process.stdout.write(bytes)
    if (untilUp && !isUp) child.kill('SIGINT')
    isUp = true
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  child.on('close', (code) => {
    process.exitCode = code ?? 1
  })
}

const millrace = (args: readonly string[]): void => {
  const isLong = longRunning.has(args[0] ?? '') && !args.includes('--help')
  const program = join(root, 'packages/cli', built, `main.${extension}`)
  const isBackground = process.env.MILLRACE_DOC_BACKGROUND === 'yes'
  runNode(program, isLong ? onFreePort(args) : args, isLong && !isBackground)
}

const start = (args: readonly string[]): void =>
  runNode(join(root, 'packages/cli', built, `first-run.${extension}`), args, false)

const npm = ([command = '', ...args]: readonly string[]): void => {
  const rest = args.filter((word) => word !== '--')
  if (command === 'init') writeFileSync('package.json', '{ "name": "shop" }\n')
  else if (command === 'install' || command === 'ci') install(args)
  else if (command === 'start') start(rest)
  else if (command === 'run') checkScript(rest[0] ?? '', rest.slice(1))
  else if (command === 'test') checkScript('test', rest)
  else reject(`npm ${command} is not played here`)
}

const tools: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = { jest, tsx }

const npx = ([program = '', ...args]: readonly string[]): unknown => {
  if (program === '@millrace/cli' || program === 'millrace') millrace(args)
  else if (Object.hasOwn(tools, program)) return tools[program]!(args)
  else if (!existsSync(join(root, 'node_modules/.bin', program)))
    reject(`npx ${program}: not there`)
}

/** The magic number of a Java key store. */
const javaStore = Uint8Array.of(0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2)

/** The library, given a Java store, must name the same command. */
const keytool = async (args: readonly string[]): Promise<void> => {
  const { Producer } = await import('../../src/index.ts')
  const store = args[args.indexOf('-srckeystore') + 1] ?? ''
  writeFileSync(store, javaStore)
  let said = 'nothing'
  try {
    new Producer({ brokers: 'localhost:1', tls: { pfx: store } })
  } catch (error) {
    said = (error as Error).message
  }
  if (!said.includes(`keytool ${args.join(' ')}`)) reject(`millrace says: ${said}`)
}

const commands: Readonly<Record<string, (args: readonly string[]) => unknown>> = {
  npm,
  npx,
  millrace,
  keytool,
}

commands[process.argv[2]!]!(process.argv.slice(3))
