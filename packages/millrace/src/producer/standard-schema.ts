// Owns the interface that schema libraries share (Standard Schema 1: zod, valibot, arktype, …), as
// far as a serializer needs it: https://standardschema.dev. Caller: serializers.ts. Invariant:
// types only, apart from the validation, so that no package is needed.

import { isPromise } from '../runtime/value-kinds.ts'

interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

type Validated<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] }

/** A schema of a library that implements Standard Schema (https://standardschema.dev): zod, … */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The standard's interface: `validate` returns the value, or the issues. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validated<Output> | Promise<Validated<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

const placeOf = ({ path = [] }: Issue): string =>
  path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')

/** `'lines.0.sku: Required; total: Expected number'` */
const describeIssues = (issues: readonly Issue[]): string =>
  issues
    .map((issue) => (placeOf(issue) === '' ? issue.message : `${placeOf(issue)}: ${issue.message}`))
    .join('; ')

const outputOf = <Output>(result: Validated<Output>): Output => {
  if (result.issues !== undefined) throw new Error(describeIssues(result.issues))
  return result.value
}

/** The output of the schema for a value; throws or rejects with all issues in one message. */
export const validate = <Input, Output>(
  schema: StandardSchema<Input, Output>,
  value: Input,
): Output | Promise<Output> => {
  const result = schema['~standard'].validate(value)
  return isPromise(result) ? result.then(outputOf) : outputOf(result)
}
