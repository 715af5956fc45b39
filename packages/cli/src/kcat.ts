// The lines that show a user how to look into a cluster with kcat.

/** A title and the command to type. */
export type Hint = readonly [title: string, command: string]

export const kcatList = (broker: string): Hint => ['List', `kcat -b ${broker} -L`]

export const kcatRead = (broker: string, topic: string): Hint => [
  'Read',
  `kcat -b ${broker} -t ${topic} -C -o beginning -e -f '%p %o %k %h %s\\n'`,
]

export const kcatWrite = (broker: string, topic: string): Hint => [
  'Write',
  `echo 'hello' | kcat -b ${broker} -t ${topic} -P`,
]

export const formatHints = (hints: readonly Hint[]): readonly string[] => {
  const width = Math.max(...hints.map(([title]) => title.length))
  return hints.map(([title, command]) => `  ${title.padEnd(width)}  ${command}`)
}
