// Formats example kcat commands that inspect a cluster, for the output of a command. It runs
// nothing. Callers: cluster-command.ts and first-run/run.ts.

/** A title and the command. */
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
