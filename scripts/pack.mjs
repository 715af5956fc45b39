// npm calls this before (prepack) and after (postpack) it packs a package, in the package's folder:
// builds first, joins the declarations, and lends the package the repository's licence and a README
// for that time.

import { copyFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { build, whyBuild } from './build.mjs'
import { bundleTypes } from './bundle-types.mjs'
import { ensureInstalled } from './install.mjs'
import { fail, root, Trouble } from './workspace.mjs'

/** The pages that introduce the packages beside the library. */
const pages = {
  cli: 'docs/cli.md',
  console: 'docs/console.md',
  kafkajs: 'docs/from-kafkajs.md',
  nestjs: 'docs/nestjs.md',
  opentelemetry: 'docs/telemetry.md',
  prometheus: 'docs/telemetry.md',
  'schema-registry': 'docs/schema-registry.md',
}

const pack = async () => {
  const folder = process.cwd()
  const event = process.env.npm_lifecycle_event
  if (dirname(folder) !== join(root, 'packages') || !['prepack', 'postpack'].includes(event)) {
    throw new Trouble('npm runs this in a package: npm pack -w millrace.')
  }
  if (event === 'postpack') {
    for (const name of ['LICENSE', 'README.md']) rmSync(join(folder, name), { force: true })
    return
  }
  await ensureInstalled()
  if (whyBuild() !== null) await build()
  const name = basename(folder)
  await bundleTypes(`packages/${name}`)
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  copyFileSync(join(root, pages[name] ?? 'README.md'), join(folder, 'README.md'))
}

await pack().catch(fail)
