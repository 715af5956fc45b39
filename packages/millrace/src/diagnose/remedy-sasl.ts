// Remedies for failures of the SASL authentication. A remedy must not contain a user name, a
// password, or a token. Callers: remedy.ts and metadata-step.ts.

import type { FailedStep } from './failed-step.ts'

const isScram = (mechanism: string | null): boolean => mechanism?.startsWith('SCRAM') === true

const list = (names: readonly string[]): string => names.join(', ')

/** The listener requires SASL, but the options have none. */
export const missingSaslRemedy = (mechanisms: readonly string[]): string =>
  `Set the option sasl, with one of the mechanisms that the listener has: ${list(mechanisms)}.`

const unsupportedRemedy = ({ facts, choices }: FailedStep): string => {
  const { mechanisms } = facts
  const offers = mechanisms === null || mechanisms.length === 0 ? '' : `: ${list(mechanisms)}`
  return `Set sasl.mechanism to one that the broker has instead of ${choices.mechanism}${offers}.`
}

const refusedRemedy = ({ choices: { mechanism } }: FailedStep): string => {
  if (mechanism === 'OAUTHBEARER') {
    return (
      'Get a new token with the audience, scope and issuer that the broker expects, and compare ' +
      'the clocks: the broker refused this token, and refuses every token that has expired.'
    )
  }
  const place = isScram(mechanism)
    ? `the user has a password for ${mechanism} (kafka-configs.sh --describe --entity-type users)`
    : "the broker's sasl.jaas.config has the user"
  return `Correct sasl.username and sasl.password, or check that ${place}.`
}

/** The client's side failed: there is no token, or the broker could not prove its identity. */
const ownRemedy = (failedStep: FailedStep): string => {
  const { message } = failedStep.error
  const { mechanism } = failedStep.choices
  if (isScram(mechanism)) {
    if (/signature is wrong/.test(message)) {
      return 'Check that this is your broker: it could not prove that it knows the password.'
    }
    return "Check the user's SCRAM credentials at the broker: its SCRAM message is invalid."
  }
  if (mechanism === 'OAUTHBEARER') {
    if (/does not accept the token/.test(message)) return refusedRemedy(failedStep)
    return 'Fix the token provider (sasl.token, or sasl.tokenEndpoint): it returned no valid token.'
  }
  return `Fix the mechanism ${mechanism}: it failed in this process, before the broker checked it.`
}

export const saslRemedy = (failedStep: FailedStep): string => {
  const { error, facts } = failedStep
  if (error.brokerError === 'UNSUPPORTED_SASL_MECHANISM') return unsupportedRemedy(failedStep)
  if (error.brokerError === 'ILLEGAL_SASL_STATE') {
    return 'Remove the option sasl, or use the port of a SASL listener: this one has no SASL.'
  }
  if (facts.mechanisms !== null && failedStep.choices.mechanism === null) {
    return missingSaslRemedy(facts.mechanisms)
  }
  if (error.brokerCode !== undefined) return refusedRemedy(failedStep)
  if (error.code === 'AUTHENTICATION_FAILED') return ownRemedy(failedStep)
  if (error.code === 'UNSUPPORTED_VERSION') {
    return 'Use the port of a SASL listener: the broker does not serve SASL there.'
  }
  if (error.code === 'CONNECTION_FAILED') return refusedRemedy(failedStep)
  return error.remedy
}
