// A server repeats a secret in the form in which it received it, or in which it writes its own
// text: each of these forms is replaced, and no secret and no text makes the search throw.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { redactSecrets } from '../../src/index.ts'
import { printableText } from '../../src/runtime/printable-text.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const escapedJson = (text: string): string =>
  JSON.stringify(text).replace(/[^ -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })

/** The forms of a secret in texts of a server, by the program that writes them. */
const formsOf = (secret: string): Readonly<Record<string, string>> => ({
  'as it is': secret,
  'a URL': encodeURIComponent(secret),
  'a URL in lower case': encodeURIComponent(secret).replace(/%../g, (hex) => hex.toLowerCase()),
  'a URL within a URL': encodeURIComponent(encodeURIComponent(secret)),
  'a form': new URLSearchParams({ '': secret }).toString().slice(1),
  JSON: JSON.stringify(secret).slice(1, -1),
  'JSON in ASCII': escapedJson(secret).slice(1, -1),
  'JSON within JSON': JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  'JSON of PHP': JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
  HTML: secret.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`),
  'named HTML': secret.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;'),
  'Latin-1': Buffer.from(secret).toString('latin1'),
  'a log': printableText(secret),
})

const secrets = [
  'T0p-5ecret-value',
  'T0p 5ecret/väl:ue%"<&>\'',
  '\\"quoted"\\ and $& $1 [x] (y) .* +',
  'control\u0000\u001b[2J\r\n\u009b\u2028\u202e',
  'emoji 🔑 東京',
  'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1IiwiZXhwIjoxfQ.c2ln_bmF0-dXJl',
]

describe('redactSecrets', () => {
  for (const secret of secrets) {
    it(`replaces each form of ${JSON.stringify(secret)}`, () => {
      for (const [what, form] of Object.entries(formsOf(secret))) {
        const text = redactSecrets(`before ${form} after ${form}`, [secret])
        assert.equal(text, 'before [secret] after [secret]', what)
      }
    })

    it(`replaces the base64 of ${JSON.stringify(secret)} among other bytes`, () => {
      const { 'a URL': url = '', 'a form': form = '' } = formsOf(secret)
      for (const sent of [secret, url, form]) {
        for (const before of ['', 'u:', 'us:', 'use:']) {
          for (const encoded of [
            base64(`${before}${sent}`),
            base64(`${before}${sent}`).replaceAll('+', '-').replaceAll('/', '_'),
            base64(`${before}${sent}xyz`),
          ]) {
            const text = redactSecrets(`Basic ${encoded}`, [secret])
            assert.match(text, /^Basic .{0,6}\[secret\].{0,8}$/, sent)
          }
        }
      }
    })
  }

  it('replaces a longer secret before a shorter one that it contains', () => {
    assert.equal(redactSecrets('pass pass-word', ['pass', 'pass-word']), '[secret] [secret]')
  })

  it('ends soon for texts and secrets that have many readings', () => {
    for (const unit of ['\\', '%', '%25', '&#', '\\\\u', '\\"', 'aA']) {
      const secret = `${unit.repeat(20)}!`
      const text = unit.repeat(65_536 / unit.length)
      assert.equal(redactSecrets(text, [secret]), text)
      assert.equal(redactSecrets(`${text}${secret}`, [secret]).endsWith('[secret]'), true)
    }
  })

  it('leaves a text without the secrets as it is, and an empty secret is none', () => {
    const text = 'Größe 100% \\u0041 &amp; $&'
    assert.equal(redactSecrets(text, ['', 'another']), text)
  })

  it('replaces any secret, also one with lone surrogates', () => {
    const unit = fc.oneof(fc.nat(0xff), fc.integer({ min: 0xd7f0, max: 0xe010 }), fc.nat(0xffff))
    const texts = fc.array(unit, { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(texts, (units) => {
        const secret = String.fromCharCode(...units)
        assert.equal(redactSecrets(`<${secret}>`, [secret]).includes('[secret]'), true)
        assert.equal(redactSecrets(JSON.stringify(secret), [secret]), '"[secret]"')
      }),
    )
  })
})
