// Makes a fresh clone ready: installs packages and builds where that is needed, says so, and is
// quick and quiet where it is not. npm calls it before start, test, kafka and bench. Only what Node
// ships.

import { build, whyBuild } from './build.mjs'
import { ensureInstalled } from './install.mjs'
import { fail, say } from './workspace.mjs'

const prepare = async () => {
  await ensureInstalled()
  const reason = whyBuild()
  if (reason === null) return
  say(`Building, because ${reason} …`)
  await build()
}

await prepare().catch(fail)
