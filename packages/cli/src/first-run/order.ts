// Makes the records of the first run: orders of an imaginary shop. Order N must have the same bytes
// in every run, because verify.ts compares what it reads with what this file makes. Callers: run.ts
// and verify.ts.

const customers = [
  ['Ida Sørensen', 'København'],
  ['José Ibáñez', 'Málaga'],
  ['Amélie Lefèvre', 'Orléans'],
  ['Łukasz Wójcik', 'Łódź'],
  ['Marta Novák', 'Brno'],
  ['Jörg Müller', 'Köln'],
  ['Aoife Byrne', 'Galway'],
  ['Sigríður Jónsdóttir', 'Reykjavík'],
  ['Giulia Ferri', 'Torino'],
  ['Νίκος Παππάς', 'Θεσσαλονίκη'],
  ['佐藤 花', '札幌市'],
  ['Tom Baker', 'Leeds'],
] as const

const articles = [
  ['TEA-0042', 'Green tea, 250 g', 790],
  ['TEA-0107', 'Darjeeling, first flush', 1450],
  ['COF-0003', 'Espresso beans, 1 kg', 2190],
  ['MUG-0011', 'Mug "Watermill", blue', 1290],
  ['POT-0005', 'Teapot, cast iron', 4900],
  ['SUG-0001', 'Rock sugar, 500 g', 340],
  ['HON-0020', 'Chestnut honey', 880],
  ['FLR-0008', 'Rye flour, stone-ground', 295],
] as const

const remarks = [
  'leave it at the entry point',
  'a gift 🎁, no invoice please',
  'ring twice',
  'after 18:00',
]

const customerCount = 5000
const firstOrderAtMs = Date.UTC(2026, 0, 5, 8)
const orderIntervalMs = 137
const itemsMax = 3

/**
 * The parts of an order as JSON, made once, so that 200,000 orders are made and checked quickly.
 */
const customerParts = customers.map(([name, city]) => JSON.stringify({ name, city }).slice(1))
const articleParts = articles.map(([sku, title]) => JSON.stringify({ sku, title }).slice(0, -1))
const remarkParts = remarks.map((remark) => `,"remark":${JSON.stringify(remark)}`)

/** A pseudorandom number below `bound` that depends on the order and the place only. */
const numberFor = (order: number, place: number, bound: number): number => {
  let mixed = Math.imul(order + 1, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39)
  return ((mixed ^ (mixed >>> 15)) >>> 0) % bound
}

/** The place of each decision, for `numberFor`. */
const places = { customer: 0, itemCount: 1, paid: 2, remark: 3, items: 4 } as const

/** The key: the customer, so that the orders of one customer stay in order. */
export const orderKey = (order: number): string => customerId(customerOf(order))

const customerOf = (order: number): number => numberFor(order, places.customer, customerCount)

const customerId = (customer: number): string => `customer-${String(customer).padStart(4, '0')}`

/** The value: the order as JSON. */
export const orderValue = (order: number): string => {
  const customer = customerOf(order)
  const placedAt = new Date(firstOrderAtMs + order * orderIntervalMs).toISOString()
  const itemCount = 1 + numberFor(order, places.itemCount, itemsMax)
  let items = ''
  let totalCents = 0
  for (let index = 0; index < itemCount; index++) {
    const article = numberFor(order, places.items + 2 * index, articles.length)
    const quantity = 1 + numberFor(order, places.items + 2 * index + 1, 4)
    const cents = articles[article]![2]
    totalCents += quantity * cents
    const figures = `"quantity":${quantity},"price":${cents / 100}`
    items += `${index > 0 ? ',' : ''}${articleParts[article]},${figures}}`
  }
  const paid = numberFor(order, places.paid, 10) > 0
  const remark = remarkParts[numberFor(order, places.remark, 8 * remarkParts.length)] ?? ''
  return (
    `{"order":${order},"placedAt":"${placedAt}","customer":{"id":"${customerId(customer)}",` +
    `${customerParts[customer % customers.length]},"items":[${items}],` +
    `"total":${totalCents / 100},"currency":"EUR","paid":${paid}${remark}}`
  )
}
