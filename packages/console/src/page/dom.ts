// Helpers of the page's scripts that change elements. An element that did not change must not be
// touched, so that a redraw every second keeps selections, scroll positions, and the position of a
// screen reader. Callers: main.ts, charts.ts, and sections.ts.

/** The element with this id, which the page must contain. */
export const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no element #${id}.`)
  return element
}

export const setText = (element: Element, text: string): void => {
  if (element.textContent !== text) element.textContent = text
}

/** Shows a paragraph with the text, or hides it if the text is null. */
export const setOptional = (element: HTMLElement, text: string | null): void => {
  element.hidden = text === null
  setText(element, text ?? '')
}

export const setLevel = (element: HTMLElement, level: string): void => {
  if (element.dataset.level !== level) element.dataset.level = level
}

export const make = (tag: string, className = '', text = ''): HTMLElement => {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  if (text !== '') element.textContent = text
  return element
}

/** Makes `parent` have one child per item, and draws each. */
export const fill = <Item>(
  parent: Element,
  items: readonly Item[],
  create: () => HTMLElement,
  draw: (element: HTMLElement, item: Item) => void,
): void => {
  while (parent.childElementCount > items.length) parent.lastElementChild!.remove()
  items.forEach((item, index) => {
    let element = parent.children[index] as HTMLElement | undefined
    if (element === undefined) {
      element = create()
      parent.append(element)
    }
    draw(element, item)
  })
}

/** The content of a table cell. */
export interface Cell {
  readonly text: string
  /** Small text below it. */
  readonly minor?: string | undefined
  readonly level?: string | undefined
  readonly isNumber?: boolean
}

const drawCell = (cell: HTMLElement, { text, minor, level = '', isNumber }: Cell): void => {
  if (cell.childElementCount === 0) cell.append(make('span'), make('span', 'minor'))
  const [first, second] = cell.children as unknown as [HTMLElement, HTMLElement]
  cell.className = isNumber === true ? 'number' : ''
  setLevel(cell, level)
  setText(first, text)
  setOptional(second, minor ?? null)
}

/** Draws the rows of a table; the first cell of each row is its heading. */
export const fillRows = (table: Element, rows: readonly (readonly Cell[])[]): void => {
  const body = table.querySelector('tbody')!
  const columns = rows[0]?.length ?? 0
  const createRow = (): HTMLElement => {
    const row = make('tr')
    for (let index = 0; index < columns; index++) {
      const cell = make(index === 0 ? 'th' : 'td')
      if (index === 0) cell.setAttribute('scope', 'row')
      row.append(cell)
    }
    return row
  }
  fill(body, rows, createRow, (row, cells) => {
    cells.forEach((cell, index) => {
      drawCell(row.children[index] as HTMLElement, cell)
    })
  })
}

/** A term of a list: a name, its value, and a note. */
export interface Term {
  readonly name: string
  readonly value: string
  readonly note?: string | undefined
  readonly level?: string | undefined
}

export const fillTerms = (list: Element, terms: readonly Term[]): void => {
  const create = (): HTMLElement => {
    const group = make('div')
    group.append(make('dt'), make('dd'), make('dd'))
    return group
  }
  fill(list, terms, create, (group, { name, value, note, level = '' }) => {
    const [term, figure, addition] = group.children as unknown as HTMLElement[]
    setText(term!, name)
    setText(figure!, value)
    setLevel(figure!, level)
    setOptional(addition!, note ?? null)
  })
}
