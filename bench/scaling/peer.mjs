// The in-process cluster as a peer of the loads, in a process of its own: what it takes is kept
// only for a moment. Its options come as JSON in the first argument; it prints its addresses and
// ends with its standard input, so that none is left behind.
import { startCluster } from '../../packages/millrace/dist/src/testing.js'

const cluster = await startCluster({
  autoCreateTopics: false,
  retention: { bytes: 4096 },
  ...JSON.parse(process.argv[2] ?? '{}'),
})
process.stdout.write(`${JSON.stringify(cluster.brokers)}\n`)
process.stdin.resume()
process.stdin.once('end', () => process.exit())
