// Handles DescribeCluster: returns the nodes and the controller. It keeps no state. Caller:
// handlers.ts.

import { describeClusterApi } from '../../protocol/api/60-describe-cluster.ts'
import { defineHandler } from './handler.ts'

export const describeClusterHandler = defineHandler({
  api: describeClusterApi,
  handle: (call) => {
    const { state } = call.node
    call.respond({
      clusterId: state.clusterId,
      controllerId: state.controllerId,
      brokers: state.livingNodes.map(({ id, host, port, rack }) => ({
        brokerId: id,
        host,
        port,
        rack,
      })),
    })
  },
  reject: (_request, errorCode) => ({ errorCode }),
})
