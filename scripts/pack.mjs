// npm calls this before (prepack) and after (postpack) it packs a package, in the package's folder:
// builds first, joins the declarations, and lends the package the repository's licence and a README
// for that time.

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { build, whyBuild } from './build.mjs'
import { bundleTypes } from './bundle-types.mjs'
import { ensureInstalled } from './install.mjs'
import { packedPages } from './packed-pages.mjs'
import { fail, root, ScriptError } from './workspace.mjs'

/** What a package has only while npm packs it; .gitignore names the same. */
const lent = ['LICENSE', 'README.md', 'README.zh-CN.md', 'SECURITY.md', 'docs']

const pack = async () => {
  const folder = process.cwd()
  const event = process.env.npm_lifecycle_event
  if (dirname(folder) !== join(root, 'packages') || !['prepack', 'postpack'].includes(event)) {
    throw new ScriptError('npm runs this in a package: npm pack -w millrace.')
  }
  if (event === 'postpack') {
    for (const name of lent) rmSync(join(folder, name), { force: true, recursive: true })
    return
  }
  await ensureInstalled()
  if (whyBuild() !== null) await build()
  const name = basename(folder)
  await bundleTypes(`packages/${name}`)
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  for (const [path, text] of packedPages(name)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

await pack().catch(fail)
