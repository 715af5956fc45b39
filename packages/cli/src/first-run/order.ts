// What the first run sends: orders of a made-up shop. Order N is the same in every run, so that what
// was read back can be compared with what must have been written, byte for byte.

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
  'leave it at the door',
  'a gift 🎁, no invoice please',
  'ring twice',
  'after 18:00',
]

const customerCount = 5000
const firstOrderAtMs = Date.UTC(2026, 0, 5, 8)
const orderIntervalMs = 137

/** Numbers that look like chance but depend on `seed` alone. */
const numbersFrom = (seed: number): ((bound: number) => number) => {
  let state = (seed + 1) >>> 0
  return (bound) => {
    state = (Math.imul(state, 0x9e3779b1) + 0x7f4a7c15) >>> 0
    const mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    return ((mixed ^ (mixed >>> 13)) >>> 0) % bound
  }
}

const customerOf = (number: number): number => numbersFrom(number)(customerCount)

/** The key: the customer, so that the orders of one customer stay in order. */
export const orderKey = (number: number): string =>
  `customer-${String(customerOf(number)).padStart(4, '0')}`

/** The value: the order as JSON. */
export const orderValue = (number: number): string => {
  const customer = customerOf(number)
  const [name, city] = customers[customer % customers.length]!
  const next = numbersFrom(number ^ 0x5bd1e995)
  const items = Array.from({ length: 1 + next(3) }, () => {
    const [sku, title, cents] = articles[next(articles.length)]!
    return { sku, title, quantity: 1 + next(4), price: cents / 100 }
  })
  const cents = items.reduce((sum, item) => sum + Math.round(item.price * 100) * item.quantity, 0)
  return JSON.stringify({
    order: number,
    placedAt: new Date(firstOrderAtMs + number * orderIntervalMs).toISOString(),
    customer: { id: orderKey(number), name, city },
    items,
    total: cents / 100,
    currency: 'EUR',
    paid: next(10) > 0,
    ...(next(8) === 0 ? { remark: remarks[next(remarks.length)] } : {}),
  })
}
