// The links and headings of a Markdown page. Headings become anchors as GitHub makes them. For
// links.test.ts, and for the pages that packages carry (test/package/packed-links.ts).

/** A page without its code blocks. */
export const prose = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '')

/** `## From Java's stores` → `from-javas-stores`; a second one of the name gets `-1`. */
export const anchorsOf = (text: string): Set<string> => {
  const anchors = new Set<string>()
  for (const [, heading] of prose(text).matchAll(/^#{1,6} (.*)$/gm)) {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}

export const linksOf = (text: string): string[] =>
  [...prose(text).matchAll(/(?<!`)\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
