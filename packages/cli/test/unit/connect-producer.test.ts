// Commands against listeners that close each connection before they respond: SASL without
// credentials, TLS at a plaintext port, plaintext at a TLS port. The commands end with the reason
// long before their time limit.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterOptions, startCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

const listeners: readonly (readonly [ClusterOptions, readonly string[], RegExp])[] = [
  [
    { sasl: { mechanisms: ['PLAIN'], users: { alice: 'secret' } } },
    [],
    /No usable broker: .* closed the connection .*does the listener expect SASL\?/,
  ],
  [{}, ['--tls'], /closed the connection in the TLS handshake: if it does not use TLS, remove/],
]

for (const command of ['produce', 'perf']) {
  test(`${command} ends with the reason when a listener closes each connection`, async () => {
    for (const [options, flags, reason] of listeners) {
      await using cluster = await startCluster({ topics: { orders: 1 }, ...options })
      const terminal = new FakeTerminal()
      terminal.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
      terminal.input.end('a\n')
      const records = command === 'perf' ? ['--num-records', '1'] : []
      assert.equal(await runMillrace([command, 'orders', ...flags, ...records], terminal), 1)
      const last = terminal.errorText.trimEnd().split('\n').at(-1)
      assert.match(last!, reason)
      assert.doesNotMatch(last!, /did not finish/)
    }
  })
}
