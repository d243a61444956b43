import t from 'tap'
import {
  difference,
  findInexactNumber,
  isZeroAmount,
  negated,
  readAmount,
} from '../../app/amounts.ts'

t.test('an amount is one decimal string, however it was written', async t => {
  const cases: [unknown, string][] = [
    ['50000.00', '50000'],
    ['0.10', '0.1'],
    ['007.50', '7.5'],
    ['0.000000000000000001', '0.000000000000000001'],
    ['12345678901234567890.5', '12345678901234567890.5'],
    [50000.0, '50000'],
    [0.5, '0.5'],
    [1e-8, '0.00000001'],
    [1e15, '1000000000000000'],
    [123456789.012345, '123456789.012345'],
  ]
  for (const [value, amount] of cases) t.equal(readAmount(value), amount, String(value))
})

t.test('what is no amount is told by a code and a rule', async t => {
  const cases: [unknown, string][] = [
    ['abc', 'NOT_A_NUMBER'],
    ['', 'NOT_A_NUMBER'],
    ['NaN', 'NOT_A_NUMBER'],
    ['Infinity', 'NOT_A_NUMBER'],
    ['1e5', 'NOT_A_NUMBER'],
    ['1e400', 'NOT_A_NUMBER'],
    ['+1', 'NOT_A_NUMBER'],
    ['.5', 'NOT_A_NUMBER'],
    ['5.', 'NOT_A_NUMBER'],
    [' 5', 'NOT_A_NUMBER'],
    ['1,5', 'NOT_A_NUMBER'],
    ["1'; drop table orders; --", 'NOT_A_NUMBER'],
    ['0.000000000000000000000000000001', 'PRECISION'],
    ['123456789012345678901', 'PRECISION'],
    [Number.POSITIVE_INFINITY, 'PRECISION'],
    [Number.NaN, 'PRECISION'],
    [0.1234567890123456, 'PRECISION'],
    [1e30, 'PRECISION'],
    ['0', 'NOT_POSITIVE'],
    ['0.000', 'NOT_POSITIVE'],
    [0, 'NOT_POSITIVE'],
    [-0, 'NOT_POSITIVE'],
    ['-0.5', 'NOT_POSITIVE'],
    [-1, 'NOT_POSITIVE'],
    [undefined, 'MISSING_FIELD'],
    [null, 'INVALID_FIELD'],
    [true, 'INVALID_FIELD'],
    [['1'], 'INVALID_FIELD'],
    [{ rule: 1 }, 'INVALID_FIELD'],
  ]
  for (const [value, code] of cases) t.match(readAmount(value), { code }, JSON.stringify(value))
})

t.test('a field says which signs it takes', async t => {
  t.equal(readAmount('0', 'NOT_NEGATIVE'), '0')
  t.equal(readAmount('-0', 'ANY'), '0')
  t.equal(readAmount('-0.0010', 'ANY'), '-0.001')
  t.match(readAmount('-1', 'NOT_NEGATIVE'), { code: 'NOT_POSITIVE', rule: 'is less than zero' })
})

t.test('a number that a double cannot carry is found in the text of the JSON', async t => {
  const inexact = [
    '{"price": 0.100000000000000000000000000001}',
    '{"a":"x","price":-123456789012345678}',
    '{"price": 0.50000000000000000000, "quantity": 1234567890.1234567}',
    '{"orders":[{"price":9007199254740993}]}',
  ]
  for (const json of inexact) t.ok(findInexactNumber(json), json)
  t.equal(findInexactNumber('{"a": 1, "stop_price" : 1234567890.123456}'), 'stop_price')

  const exact = [
    '{"price": 50000.0}',
    '{"price": 0.000000000000000000001}',
    '{"price": 0.5000000000000000000000}',
    '{"price": "123456789012345678901234567890"}',
    '{"key": "1234567890123456789012"}',
    '{"key": "\\"price\\": 1234567890123456789"}',
    '{"a": "b", "key": ":1234567890123456789"}',
    '{"price": 1e-18, "quantity": 123456789.012345}',
  ]
  for (const json of exact) t.equal(findInexactNumber(json), undefined, json)
})

t.test('a change has the other sign, and zero has none', async t => {
  t.equal(negated('0.5'), '-0.5')
  t.equal(negated('-0.5'), '0.5')
  t.equal(negated('0.00'), '0')
  t.ok(isZeroAmount('0.000'))
  t.notOk(isZeroAmount('0.001'))
})

t.test('a difference is exact, however long', async t => {
  t.equal(difference('2', '5.5'), '-3.5')
  t.equal(difference('0.3', '0.30'), '0')
  t.equal(
    difference('12345678901234567890.000000000000000001', '0.5'),
    '12345678901234567889.500000000000000001',
  )
})
