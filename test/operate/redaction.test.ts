import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesBetween } from '../../src/operate/payload-changes.ts'
import { callbackSecrets, redactionOf } from '../../src/operate/redaction.ts'
import { restoreHidden } from '../../src/operate/restored-payload.ts'

test('secret places are hidden, and their values wherever they come up', () => {
  const payload = {
    ssn: '123-45-6789',
    'a/b': { '~': 'tilde!' },
    cards: [{ number: '4111', cvc: 123 }, { number: null }, 'none'],
    pin: 7,
    notes: ['my 123-45-6789', 'a 7 stays', '7', 7, true],
  }
  const secrets = ['/ssn', '/a~1b/~0', '/cards/*/number', '/cards/*/cvc', '/pin', '/not/there']
  const { payload: hide, result, anything, text } = redactionOf(secrets, { input: payload })
  assert.deepEqual(hide(payload), {
    ssn: '•••',
    'a/b': { '~': '•••' },
    cards: [{ number: '•••', cvc: '•••' }, { number: '•••' }, 'none'],
    pin: '•••',
    notes: payload.notes,
  })
  assert.deepEqual(result(payload), {
    ...(hide(payload) as object),
    notes: ['my •••', 'a 7 stays', '•••', '•••', true],
  })
  assert.equal(text('called with 123-45-6789 and 4111'), 'called with ••• and •••')
  assert.deepEqual(anything({ '123-45-6789': [{ deep: 'x4111x' }], n: null }), {
    '•••': [{ deep: 'x•••x' }],
    n: null,
  })
  assert.equal(payload.ssn, '123-45-6789')
  // Of a secret object all that it holds is secret.
  const whole = redactionOf(['/card'], { input: { card: { number: '4111', name: 'ada lovelace' } } })
  assert.equal(whole.text('ada lovelace paid by 4111'), '••• paid by •••')
  assert.deepEqual(whole.payload('no object'), 'no object')
  const unknown = redactionOf('all', { input: null })
  assert.deepEqual(
    [unknown.payload({ a: 1 }), unknown.text('a'), unknown.payload(null)],
    ['•••', '•••', null],
  )
})

test('a secret that was cut off at the end of a long text is hidden all the same', () => {
  const key = `-----BEGIN-----${'k'.repeat(3_000)}😀`
  const { text } = redactionOf(['/key', '/pin'], { input: { key, pin: '12345' } })
  const said = (end: string) => `${'x'.repeat(2_000)} no ${end}`
  for (const end of [
    `${key.slice(0, 1_500)}…`,
    key.slice(0, 4),
    `${key.slice(0, -1).toWellFormed()}`,
    '1234…',
  ])
    assert.equal(text(said(end)), said('•••'), end.slice(-20))
  // Short texts are not cut, and three characters say nothing.
  assert.equal(text('no 1234'), 'no 1234')
  assert.equal(text(said('123')), said('123'))
})

test('what was not shown is put back where it was, and nothing else', () => {
  const stored = {
    ssn: '1234',
    name: '•••',
    note: 'has 1234, and is new',
    by: { 'no 1234': 'x', other: 'y' },
    cards: [
      { of: 'ada', number: 'aaaa' },
      { of: 'bob', number: 'bbbb' },
    ],
  }
  const secrets = ['/ssn', '/cards/*/number']
  const redaction = redactionOf(secrets, { input: stored })
  const shown = () => structuredClone(redaction.payload(stored)) as typeof stored
  const restored = (given: unknown) => {
    const put = restoreHidden(redaction, given, stored)
    return put ? put.value : 'refused'
  }
  assert.deepEqual(restored(shown()), stored)
  // Beside what has changed all else stays, names and texts with a secret in them as well.
  assert.deepEqual(restored({ ...shown(), more: 1 }), { ...stored, more: 1 })
  const by = { ...shown().by, other: 'z' }
  assert.deepEqual(restored({ ...shown(), by }), { ...stored, by: { 'no 1234': 'x', other: 'z' } })
  assert.deepEqual(restored({ ...shown(), ssn: '5678', note: 'new' }), {
    ...stored,
    ssn: '5678',
    note: 'new',
  })
  assert.equal(restored({ ...shown(), note: 'had •••' }), 'refused')
  // An element is told by what else it holds, wherever it stands.
  const [ada, bob] = shown().cards
  const cards = (...given: unknown[]) => restored({ ...shown(), cards: given })
  const [a, b] = stored.cards
  assert.deepEqual(cards(bob, ada), { ...stored, cards: [b, a] })
  assert.deepEqual(cards(bob), { ...stored, cards: [b] })
  assert.deepEqual(cards(ada, { ...bob, of: 'bo' }), { ...stored, cards: [a, { ...b, of: 'bo' }] })
  assert.equal(cards(bob, { of: 'eve', number: '•••' }), 'refused')
  assert.equal(cards({ of: 'eve', number: '•••' }), 'refused')
  const alike = { cards: [{ number: 'aaaa' }, { number: 'bbbb' }] }
  const hiding = redactionOf(secrets, { input: alike })
  const second = { cards: [{ number: 'c' }, { number: '•••' }] }
  const put = restoreHidden(hiding, second, alike)
  assert.deepEqual(put?.value, { cards: [{ number: 'c' }, { number: 'bbbb' }] })
  const fewer = { cards: [{ number: '•••' }] }
  assert.equal(restoreHidden(hiding, fewer, alike), undefined)
  // Nor where they are the same: that would tell whether a guess beside a secret is right.
  const same = { cards: [{ number: 'aaaa' }, { number: 'aaaa' }] }
  assert.equal(restoreHidden(redactionOf(secrets, { input: same }), fewer, same), undefined)
  assert.equal(restored('text'), 'text')
  assert.deepEqual(restoreHidden(redactionOf([], { input: stored }), shown(), stored)?.value, shown())
})

test('changes name the deepest places, shortened and so many', () => {
  assert.deepEqual(changesBetween({ a: { b: 1, c: [1, 2] }, d: 1 }, { a: { b: 2, c: [1] }, 'e/f': null }), [
    { pointer: '/a/b', before: 1, after: 2 },
    { pointer: '/a/c/1', before: 2 },
    { pointer: '/d', before: 1 },
    { pointer: '/e~1f', after: null },
  ])
  assert.deepEqual(changesBetween([1], { 0: 1 }), [{ pointer: '', before: [1], after: { 0: 1 } }])
  const [long] = changesBetween('', 'x'.repeat(1_000))
  assert.ok(String(long?.after).length < 210)
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [at, at]))
  assert.equal(changesBetween({}, many).length, 50)
})

test('a callback hides what became of an item that has secrets', () => {
  const input = {
    url: 'https://a.example',
    ending: { definition: 'pay', failure: { message: 'x' } },
    result: { ssn: '1' },
  }
  const secretsOf = (definition: string) =>
    definition === 'pay' ? ['/ssn'] : definition === 'tell' ? [] : ('all' as const)
  assert.equal(callbackSecrets('pay', input, secretsOf), undefined)
  const secrets = callbackSecrets('coatcheck.callback', input, secretsOf) ?? []
  assert.deepEqual(redactionOf(secrets, { input }).payload(input), {
    url: 'https://a.example',
    ending: { definition: 'pay', failure: '•••' },
    result: '•••',
  })
  assert.deepEqual(callbackSecrets('coatcheck.callback', { ending: { definition: 'tell' } }, secretsOf), [])
  assert.notDeepEqual(
    callbackSecrets('coatcheck.callback', { ending: { definition: 'gone' } }, secretsOf),
    [],
  )
  assert.notDeepEqual(callbackSecrets('coatcheck.callback', null, secretsOf), [])
})
