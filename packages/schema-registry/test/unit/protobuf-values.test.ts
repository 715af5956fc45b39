// What callers give for Protobuf fields is converted or rejected with the field's name: nothing is
// stored as empty, cut off or omitted. Well-known types are found behind references.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { protobufSerializer, type SchemaReference, type SchemaRegistry } from '../../src/index.ts'

const registryOf = (files: Readonly<Record<string, string>> = {}): SchemaRegistry =>
  ({
    lookUp: async () => 1,
    resolve: async (references: readonly SchemaReference[]) =>
      references.map(({ name }) => [name, files[name]]),
  }) as unknown as SchemaRegistry

const serialize = async (
  schema: string,
  value: object,
  files: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const references = Object.keys(files).map((name) => ({ name, subject: name, version: 1 }))
  const registry = registryOf(files)
  const serializer = protobufSerializer({ registry, schema, references })
  const bytes = await serializer(value, { topic: 't', field: 'value' })
  return Buffer.from(bytes as Uint8Array)
    .subarray(6)
    .toString('hex')
}

const proto3 = (body: string): string => `syntax = "proto3"; ${body}`

const event = proto3(`import "google/protobuf/timestamp.proto";
  import "google/protobuf/wrappers.proto";
  enum Color { NONE = 0; RED = 1; }
  message Event {
    google.protobuf.Timestamp at = 1;
    map<string, int32> counts = 2;
    repeated string tags = 3;
    int64 total = 4;
    uint64 serial = 5;
    bytes raw = 6;
    int32 small = 7;
    float ratio = 8;
    Color color = 9;
    google.protobuf.StringValue note = 10;
    map<bool, string> flags = 11;
    map<int64, string> longs = 12;
    oneof kind { string text = 13; int32 number = 14; }
    optional int32 maybe = 15;
    Event inner = 16;
    bool done = 17;
  }`)

test('a well-known type that only a referenced file imports is found', async () => {
  const stamp = proto3(
    'import "google/protobuf/timestamp.proto"; message Stamp { google.protobuf.Timestamp at = 1; }',
  )
  const order = proto3('import "stamp.proto"; message Order { Stamp stamp = 1; }')
  const files = { 'stamp.proto': stamp }
  assert.equal(await serialize(order, { stamp: { at: { seconds: 5 } } }, files), '0a040a020805')
  const money = proto3(
    'import "google/type/money.proto"; message M { google.type.Money price = 1; }',
  )
  assert.equal(await serialize(money, { price: { units: 5n } }), '0a021005')
  const meta = proto3(`import "confluent/meta.proto";
    message M { int32 a = 1 [(confluent.field_meta).tags = "PII"]; }`)
  assert.equal(await serialize(meta, { a: 1 }), '0801')
})

test('the fields of Any are named in camelCase, as those of other messages', async () => {
  const schema = proto3(
    'import "google/protobuf/any.proto"; message M { google.protobuf.Any a = 1; }',
  )
  assert.equal(await serialize(schema, { a: { typeUrl: 'x' } }), '0a030a0178')
  await assert.rejects(serialize(schema, { a: { type_url: 'x' } }), /Did you mean "typeUrl"/)
})

test('an import without a reference is named', async () => {
  const schema = proto3('import "lost.proto"; message M { Lost lost = 1; }')
  await assert.rejects(serialize(schema, {}), /imports "lost\.proto": no reference has this name/)
})

test('dates, maps, sets, long numbers and names of enums are converted', async () => {
  const converted: [object, string][] = [
    [{ at: new Date(1_700_000_000_000) }, '0a060880e2cfaa06'],
    [{ at: new Date(-500) }, '0a1108ffffffffffffffffff011080cab5ee01'],
    [{ counts: new Map([['a', 1]]) }, '12050a01611001'],
    [{ counts: { a: 1 } }, '12050a01611001'],
    [{ tags: new Set(['a']) }, '1a0161'],
    [{ total: 2n ** 53n + 1n }, '2081808080808080 10'.replace(' ', '')],
    [{ total: '-9223372036854775808' }, '2080808080808080808001'],
    [{ serial: 2n ** 64n - 1n }, '28ffffffffffffffffff01'],
    [{ serial: { low: 1, high: 1, unsigned: true } }, '28818080 8010'.replace(' ', '')],
    [{ raw: new Uint8Array([1, 2]).buffer }, '32020102'],
    [{ color: 'RED' }, '4801'],
    [{ color: 7 }, '4807'],
    [{ note: 'x' }, '52030a0178'],
    [{ note: { value: 'x' } }, '52030a0178'],
    [{ flags: { true: 'a' } }, '5a0508011201 61'.replace(' ', '')],
    [{ longs: new Map([[2n ** 60n, 'a']]) }, '620d0880808080808080801012 0161'.replace(' ', '')],
    [{ small: 0, total: undefined, done: false, tags: [] }, ''],
    [{ maybe: 0 }, '7800'],
    [
      Object.create({
        get small() {
          return 5
        },
      }),
      '3805',
    ],
  ]
  for (const [value, hex] of converted) assert.equal(await serialize(event, value), hex)
})

class Money {
  readonly #units = 5
  get units() {
    return this.#units
  }
}

test('a value that does not fit is rejected with the name of its field', async () => {
  const circular: { inner?: object } = {}
  circular.inner = circular
  const rejected: [object, RegExp][] = [
    [{ at: new Date(Number.NaN) }, /^at must be a valid Date/],
    [{ at: '2024-01-01' }, /^at must be an object with the fields of google\.protobuf\.Timestamp/],
    [{ at: new Money() }, /^at must be an object with the fields of .*, got an instance of Money/],
    [
      { inner: new Map() },
      /^inner must be an object with the fields of Event, got an instance of Map/,
    ],
    [{ inner: Promise.resolve({}) }, /^inner must be .*, got an instance of Promise/],
    [{ inner: [] }, /^inner must be an object .*, got an array of 0/],
    [new Date(), /^the value must be an object with the fields of Event, got an instance of Date/],
    [{ counts: new Money() }, /^counts must be a Map or an object, got an instance of Money/],
    [{ counts: { a: 1.5 } }, /^counts\.a must be an int32, got 1\.5/],
    [{ counts: [['a', 1]] }, /^counts must be a Map or an object/],
    [{ tags: 'abc' }, /^tags must be an array, got "abc"/],
    [{ tags: ['a', null] }, /^tags\.1 must be a string, got null/],
    [{ tags: ['\ud800'] }, /^tags\.0 must be text without lone surrogates/],
    [{ total: 2 ** 53 }, /^total must be an int64, beyond ±2\^53 a bigint, got 9007199254740992/],
    [{ total: 2n ** 63n }, /^total must be an int64, got 9223372036854775808n/],
    [{ serial: -1 }, /^serial must be an uint64, got -1/],
    [{ small: 2 ** 31 }, /^small must be an int32, got 2147483648/],
    [{ small: Number.NaN }, /^small must be an int32, got NaN/],
    [{ ratio: 1e39 }, /^ratio must be a float of 32 bits/],
    [{ raw: 'YQ==' }, /^raw must be bytes/],
    [{ color: 'BLUE' }, /^color must be a Color \(NONE, RED\), got "BLUE"/],
    [{ flags: { yes: 'a' } }, /^flags\.yes must be a bool/],
    [{ text: 'a', number: 1 }, /^kind must be one field only \(text, number are set\)/],
    [{ done: 'true' }, /^done must be a bool/],
    [{ tottal: 1 }, /^Event has no field "tottal". Did you mean "total"\?/],
    [{ inner: { xyz: 1 } }, /^inner: Event has no field "xyz"$/],
    [circular, /must be nested at most 100 levels/],
  ]
  for (const [value, message] of rejected) {
    await assert.rejects(serialize(event, value), (error: TypeError) => {
      assert.match(error.message, message)
      return error instanceof TypeError
    })
  }
})

test('a required field of proto2 must be set, a closed enum knows its numbers', async () => {
  const schema = `syntax = "proto2"; enum Size { S = 1; M = 2; }
    message Item { required string id = 1; optional Size size = 2; }`
  assert.equal(await serialize(schema, { id: '', size: 'M' }), '0a001002')
  await assert.rejects(serialize(schema, {}), /^TypeError: id must be set: it is required/)
  await assert.rejects(
    serialize(schema, { id: 'a', size: 3 }),
    /size must be a Size \(S, M\), got 3/,
  )
})
