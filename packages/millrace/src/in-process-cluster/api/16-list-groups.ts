// Handles ListGroups: returns the groups that the node coordinates. It keeps no state. Caller:
// handlers.ts.

import { listGroupsApi } from '../../protocol/api/16-list-groups.ts'
import { defineHandler } from './handler.ts'

const statesSince = 4
const typesSince = 5

export const listGroupsHandler = defineHandler({
  api: listGroupsApi,
  handle: (call) => {
    const { statesFilter, typesFilter } = call.request
    const isWanted = (state: string): boolean =>
      (statesFilter.length === 0 || statesFilter.includes(state)) &&
      (typesFilter.length === 0 || typesFilter.includes('classic'))
    call.respond({
      groups: call.node.groups
        .list(call.node.id)
        .filter(({ state }) => isWanted(state))
        .map(({ groupId, protocolType, state }) => ({
          groupId,
          protocolType,
          ...(call.version >= statesSince && { groupState: state }),
          ...(call.version >= typesSince && { groupType: 'classic' }),
        })),
    })
  },
  reject: (_request, errorCode) => ({ errorCode, groups: [] }),
})
