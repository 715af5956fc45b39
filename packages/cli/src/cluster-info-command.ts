// The command `millrace cluster-info`: describes the cluster and its brokers. It keeps no state.
// Caller: program.ts.

import type { ClusterDescription } from 'millrace'
import { withAdmin } from './admin-call.ts'
import { addConnectionFlags, type ConnectionFlags } from './connection/flags.ts'
import { addCommand, type CommandHost } from './run-program.ts'
import { writeJson, writeLine } from './runtime/terminal.ts'
import { formatTable } from './text-table.ts'

interface ClusterInfoFlags extends ConnectionFlags {
  readonly json?: true
}

export const addClusterInfoCommand = (host: CommandHost): void => {
  const command = addCommand(host, 'cluster-info')
    .description('The cluster: its id, its brokers, its controller.')
    .option('--json', 'as JSON')
  addConnectionFlags(command).action((flags: ClusterInfoFlags) => runClusterInfo(flags, host))
}

const runClusterInfo = async (flags: ClusterInfoFlags, host: CommandHost): Promise<void> => {
  const cluster = await withAdmin(flags, host, (admin, limits) => admin.describeCluster(limits))
  if (cluster === undefined) return
  const { output } = host.terminal
  if (flags.json === true) writeJson(output, cluster)
  else for (const line of formatCluster(cluster)) writeLine(output, line)
}

const formatCluster = ({
  clusterId,
  controllerId,
  brokers,
}: ClusterDescription): readonly string[] => [
  `Cluster ${clusterId ?? '(without an id)'}: ${brokers.length} ` +
    `${brokers.length === 1 ? 'broker' : 'brokers'}, ` +
    `${controllerId < 0 ? 'no controller' : `controller ${controllerId}`}`,
  '',
  ...formatTable([
    ['broker', 'address', 'rack'],
    ...brokers.map(({ nodeId, host, port, rack }) => [
      String(nodeId),
      `${host}:${port}`,
      rack ?? '-',
    ]),
  ]),
]
