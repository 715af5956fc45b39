// Converts values of kafkajs's settings to whole numbers that millrace accepts. kafkajs checks none
// of them: numeric text, fractions, `null`, zero, and Infinity work there in some way. Here each
// value must be rounded or limited to millrace's bounds, with one warning under kafkajs's name, and
// never rejected. Callers: config.ts and producer.ts.

import type { SettingWarnings } from './setting-warnings.ts'

export interface Bounds {
  readonly min: number
  readonly max: number
}

export const int32Max = 2 ** 31 - 1
const hourMs = 3_600_000

/** The bounds of the millrace options that these settings set. */
export const settingBounds = {
  connectionTimeout: { min: 1, max: int32Max },
  requestTimeout: { min: 1, max: int32Max },
  metadataMaxAge: { min: 1000, max: int32Max },
  transactionTimeout: { min: 1, max: int32Max },
  maxInFlightRequests: { min: 1, max: 5 },
  'retry.retries': { min: 0, max: int32Max },
  'retry.initialRetryTime': { min: 0, max: hourMs },
  'retry.maxRetryTime': { min: 0, max: hourMs },
  'retry.multiplier': { min: 1, max: 1000 },
} as const satisfies Record<string, Bounds>

export type NumberSetting = keyof typeof settingBounds

/** Settings without a warning: a limit to 5 requests in flight changes nothing for the program. */
const silent: ReadonlySet<string> = new Set(['maxInFlightRequests', 'retry.retries'])

const show = (value: unknown): string => (typeof value === 'string' ? `"${value}"` : String(value))

/**
 * The setting within its bounds. Returns undefined, which selects millrace's default, if it is
 * missing, not a number, or a zero that would make every call fail.
 */
export const numberSetting = (
  name: NumberSetting,
  value: unknown,
  warnings: SettingWarnings,
): number | undefined => {
  if (value === undefined || value === null) return undefined
  const { min, max } = settingBounds[name]
  const given = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  const isMeaningless = Number.isNaN(given) || (given <= 0 && min > 0)
  if (isMeaningless) {
    warnings.warn(
      name,
      `${name} must be a number from ${min} to ${max}, got ${show(value)}: the default is used`,
    )
    return undefined
  }
  const used = Math.min(max, Math.max(min, Math.round(given)))
  const isChanged = given < min || given > max
  if (isChanged && !silent.has(name)) {
    warnings.warn(
      name,
      `${name} must be from ${min} to ${max}, got ${show(value)}: ${used} is used`,
    )
  }
  return used
}

const clientIdDefault = 'kafkajs'
const clientIdLengthMax = 249

/** A client id that brokers accept. */
export const clientIdSetting = (value: unknown, warnings: SettingWarnings): string => {
  if (value === undefined || value === null || value === '') return clientIdDefault
  const text = String(value)
  if (text.length <= clientIdLengthMax) return text
  const used = text.slice(0, clientIdLengthMax)
  warnings.warn(
    'clientId',
    `clientId must have 1 to ${clientIdLengthMax} characters: it is cut to "${used}"`,
  )
  return used
}
