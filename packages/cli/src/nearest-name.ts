// The name that a typo most likely meant.

import { closestMatch } from 'leven'

/** The nearest of the names, compared without case; undefined when none is near. */
export const nearestName = (name: string, names: readonly string[]): string | undefined => {
  const byLowerCase = new Map(names.map((each) => [each.toLowerCase(), each]))
  const maxDistance = Math.max(2, Math.floor(name.length / 3))
  const nearest = closestMatch(name.toLowerCase(), [...byLowerCase.keys()], { maxDistance })
  return nearest === undefined ? undefined : byLowerCase.get(nearest)
}

/** `'acsk'`, with the nearest name where there is one: for the end of a sentence. */
export const didYouMean = (name: string, names: readonly string[]): string => {
  const nearest = nearestName(name, names)
  return nearest === undefined ? '' : `: did you mean ${nearest}?`
}
