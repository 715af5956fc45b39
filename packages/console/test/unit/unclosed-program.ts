// Serves a console and ends without closing it: run by its test in a process of its own.

import { serveConsole } from '../../src/index.ts'
import { StandIn } from '../support/stage.ts'

const { url } = await serveConsole(new StandIn())
const { status } = await fetch(url)
process.stdout.write(`${status}\n`)
