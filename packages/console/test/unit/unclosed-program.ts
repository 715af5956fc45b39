// Serves a console, has an open page that sends requests and stays, and ends without closing
// either: run by its test in a process of its own. Prints the first line of the response and what
// still holds the process. A connection alone would hold it until the server's own time limits end
// it.

import { once } from 'node:events'
import { connect } from 'node:net'
import { serveConsole } from '../../src/index.ts'
import { StandIn } from '../support/stage.ts'

const { url } = await serveConsole(new StandIn())
const page = connect(Number(new URL(url).port), '127.0.0.1')
page.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
const [response] = await once(page, 'data')
page.unref()
await new Promise(setImmediate)
const [status] = String(response).split('\r\n')
// Pipes are how we report; an immediate may be this very turn.
const reported = ['PipeWrap', 'Immediate']
const holding = process.getActiveResourcesInfo().filter((name) => !reported.includes(name))
process.stdout.write(`${JSON.stringify({ status, holding })}\n`)
