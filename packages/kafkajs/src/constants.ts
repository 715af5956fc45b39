// Constants and helpers that kafkajs exports for its admin client and consumers. They are here so
// that a program can change its import to this package and keep these names. The values must equal
// kafkajs's. Caller: names.ts.

import { originalFor } from './original.ts'

/** kafkajs's constants for its admin client. */
export const ConfigResourceTypes = { UNKNOWN: 0, TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8 } as const

/** kafkajs's constants for its admin client. */
export const ConfigSource = {
  UNKNOWN: 0,
  TOPIC_CONFIG: 1,
  DYNAMIC_BROKER_CONFIG: 2,
  DYNAMIC_DEFAULT_BROKER_CONFIG: 3,
  STATIC_BROKER_CONFIG: 4,
  DEFAULT_CONFIG: 5,
  DYNAMIC_BROKER_LOGGER_CONFIG: 6,
} as const

/** kafkajs's constants for its admin client. */
export const AclResourceTypes = {
  UNKNOWN: 0,
  ANY: 1,
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
} as const

/** kafkajs's constants for its admin client. */
export const AclOperationTypes = {
  UNKNOWN: 0,
  ANY: 1,
  ALL: 2,
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
} as const

/** kafkajs's constants for its admin client. */
export const AclPermissionTypes = { UNKNOWN: 0, ANY: 1, DENY: 2, ALLOW: 3 } as const

/** kafkajs's constants for its admin client. */
export const ResourcePatternTypes = {
  UNKNOWN: 0,
  ANY: 1,
  MATCH: 2,
  LITERAL: 3,
  PREFIXED: 4,
} as const

/** The partition assigners of kafkajs's consumers. Reading one loads kafkajs. */
export const PartitionAssigners = {
  get roundRobin() {
    return originalFor('PartitionAssigners').PartitionAssigners.roundRobin
  },
}

/** kafkajs's constants for its consumers. */
export const AssignerProtocol = {
  get MemberMetadata() {
    return originalFor('AssignerProtocol').AssignerProtocol.MemberMetadata
  },
  get MemberAssignment() {
    return originalFor('AssignerProtocol').AssignerProtocol.MemberAssignment
  },
}
