// npm calls this before (prepack) and after (postpack) it packs a package, in the package's folder:
// builds first, and lends the package the repository's licence and README for that time.

import { copyFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build, whyBuild } from './build.mjs'
import { ensureInstalled } from './install.mjs'
import { fail, root, Trouble } from './workspace.mjs'

const lent = ['LICENSE', 'README.md']

const pack = async () => {
  const folder = process.cwd()
  const event = process.env.npm_lifecycle_event
  if (dirname(folder) !== join(root, 'packages') || !['prepack', 'postpack'].includes(event)) {
    throw new Trouble('npm runs this in a package: npm pack -w millrace.')
  }
  if (event === 'postpack') {
    for (const name of lent) rmSync(join(folder, name), { force: true })
    return
  }
  await ensureInstalled()
  if (whyBuild() !== null) await build()
  for (const name of lent) copyFileSync(join(root, name), join(folder, name))
}

await pack().catch(fail)
