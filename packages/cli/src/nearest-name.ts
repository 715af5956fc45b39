// Finds the known name that is most similar to a misspelled one, for "did you mean" in error
// messages. It keeps no state. Callers: fault-file.ts, produce/, and topic-changes-command.ts.

import { closestMatch } from 'leven'

/** The most similar name, ignoring case; undefined if none is similar. */
export const nearestName = (name: string, names: readonly string[]): string | undefined => {
  const byLowerCase = new Map(names.map((each) => [each.toLowerCase(), each]))
  const maxDistance = Math.max(2, Math.floor(name.length / 3))
  const nearest = closestMatch(name.toLowerCase(), [...byLowerCase.keys()], { maxDistance })
  return nearest === undefined ? undefined : byLowerCase.get(nearest)
}

/** `'acsk'`, followed by the suggestion if there is one: for the end of a sentence. */
export const didYouMean = (name: string, names: readonly string[]): string => {
  const nearest = nearestName(name, names)
  return nearest === undefined ? '' : `: did you mean ${nearest}?`
}
