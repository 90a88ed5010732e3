import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hostileParts } from './json-guard.js';
import { parseJson } from './json-body.js';

const codes = (text: string): string[] => hostileParts(text).map(({ code }) => code);

describe('hostileParts', () => {
  it.each([
    ['65 levels', '['.repeat(65) + ']'.repeat(65), ['TOO_DEEP']],
    ['100,000 levels', '['.repeat(100_000), ['TOO_DEEP']],
    ['a key that reaches the prototype', '{"__proto__": 1}', ['FORBIDDEN_KEY']],
    ['the same key, escaped', '{"\\u005f_proto__": 1}', ['FORBIDDEN_KEY']],
    ['a constructor', '{"a": {"constructor": {}}}', ['FORBIDDEN_KEY']],
    ['a key twice', '{"a": 1, "a" : 2}', ['DUPLICATE_KEY']],
    ['a key twice, once escaped', '{"a": 1, "\\u0061": 2}', ['DUPLICATE_KEY']],
    ['NUL', '{"a": "x\\u0000"}', ['NUL_CHARACTER']],
    ['half a surrogate pair', '{"a": "\\ud83d"}', ['LONE_SURROGATE']],
    ['an integer beyond 2^53', '{"a": 9007199254740993}', ['NUMBER_NOT_EXACT']],
    ['infinity', '{"a": 1e400}', ['NUMBER_NOT_EXACT']],
    ['too many digits', '{"a": 0.1234567890123456789}', ['NUMBER_NOT_EXACT']],
    ['underflow', '{"a": 1e-400}', ['NUMBER_NOT_EXACT']],
    ['more members than an array may have', `[${'0,'.repeat(10_001)}0]`, ['TOO_MANY_MEMBERS']],
  ])('finds %s', (_, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  it('points to what it found', () => {
    expect(hostileParts('{"a/b": [1, {"c~": 1e999}]}')).toMatchObject([{ pointer: '/a~1b/1/c~0' }]);
  });

  it.each([
    '{"a": "__proto__"}',
    '{"a": -0.5e+10, "b": [1.50, 0, 1e5]}',
    '"\\ud83d\\ude80"',
    '{"a": "]]}}\\"{["}',
    '[]',
  ])('lets through %s', (text) => {
    expect(codes(text)).toEqual([]);
  });

  it('lets through whatever survives a round trip', () => {
    const numbers = fc.oneof(
      fc.maxSafeInteger(),
      fc
        .float({ noNaN: true, noDefaultInfinity: true })
        .filter((each) => Number.isSafeInteger(each) || !/^-?\d+$/.test(String(each))),
    );
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('\0'));
    const key = text.filter((each) => each !== '__proto__' && each !== 'constructor');
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        text,
        numbers,
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('any'), { maxLength: 5 }),
      object: fc.dictionary(key, tie('any'), { maxKeys: 5 }),
    })).object;
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (object, indent) => {
        const written = JSON.stringify(object, null, indent);
        expect(hostileParts(written)).toEqual([]);
        expect(parseJson(Buffer.from(written))).toEqual(JSON.parse(written));
      }),
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0123eE+-. '), maxLength: 300 }), (text) => {
        hostileParts(text);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseJson', () => {
  it.each([
    ['null', 'null'],
    ['an array', '[]'],
    ['a text', '"x"'],
    ['a byte order mark', '\ufeff{}'],
    ['a torn object', '{"a":'],
  ])('refuses %s as malformed', (_, text) => {
    expect(() => parseJson(Buffer.from(text))).toThrow(
      expect.objectContaining({ status: 400, code: 'MALFORMED_JSON' }),
    );
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/UTF-8/);
  });
});
