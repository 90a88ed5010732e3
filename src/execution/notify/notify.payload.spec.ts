import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { NotifyPayload } from './notify.payload.js';

const VALID = { url: 'https://hooks.example.com/x', message: 'hello' };

function problems(payload: object): string[] {
  const errors = validateSync(plainToInstance(NotifyPayload, payload), {
    whitelist: true,
    forbidNonWhitelisted: true,
  });
  return errors.flatMap(({ constraints }) => Object.values(constraints ?? {}));
}

const withHeaders = (headers: unknown) => problems({ ...VALID, headers });

describe('the payload of notify', () => {
  it.each([
    VALID,
    {
      ...VALID,
      format: 'slack',
      headers: { Authorization: 'Bearer x', 'X-Empty': '', 'X-Name': 'José: a, b' },
    },
    { ...VALID, message: 'x'.repeat(10_000) },
    { ...VALID, headers: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`X-${i}`, 'v'])) },
  ])('is accepted: %#', (payload) => {
    expect(problems(payload)).toEqual([]);
  });

  it.each<[string, object]>([
    ['no URL', { message: 'hello' }],
    ['another scheme', { ...VALID, url: 'ftp://example.com/' }],
    ['a blank in the URL', { ...VALID, url: 'https://example.com/a b' }],
    ['a URL of 2,001 characters', { ...VALID, url: `https://example.com/${'a'.repeat(1_981)}` }],
    ['no message', { url: VALID.url }],
    ['an empty message', { ...VALID, message: '' }],
    ['a message of 10,001 characters', { ...VALID, message: 'x'.repeat(10_001) }],
    ['a message that is no text', { ...VALID, message: { text: 'x' } }],
    ['an unknown format', { ...VALID, format: 'xml' }],
    ['an unknown field', { ...VALID, channel: '#ops' }],
  ])('is refused with %s', (_what, payload) => {
    expect(problems(payload)).not.toEqual([]);
  });

  it.each<[string, unknown, RegExp]>([
    ['a list', ['a'], /must be an object/],
    ['a text', 'a: b', /must be an object/],
    ['a name with a blank', { 'X A': 'b' }, /header names/],
    ['a name with a line break', { 'X-A\r\nX-B': 'c' }, /header names/],
    ['an empty name', { '': 'b' }, /header names/],
    ['Host', { Host: 'internal' }, /must not have Host/],
    ['Content-Length', { 'content-length': '0' }, /must not have content-length/],
    ['Transfer-Encoding', { 'Transfer-Encoding': 'chunked' }, /must not have/],
    ['Connection', { CONNECTION: 'upgrade' }, /must not have/],
    ['User-Agent', { 'User-Agent': 'x' }, /must not have/],
    ['the same name twice', { 'X-A': '1', 'x-a': '2' }, /only once/],
    ['a value with CR LF', { 'X-A': 'b\r\nX-C: d' }, /without line breaks/],
    ['a value with LF', { 'X-A': 'b\n' }, /without line breaks/],
    ['a value with NUL', { 'X-A': 'b\0' }, /without line breaks/],
    ['a value that HTTP cannot carry', { 'X-A': '✓' }, /Latin-1/],
    ['a value that is no text', { 'X-A': 5 }, /a string/],
    ['21 headers', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`X-${i}`, 'v'])), /at most 20/],
  ])('is refused with %s as headers', (_what, headers, message) => {
    expect(withHeaders(headers)).toEqual([expect.stringMatching(message)]);
  });
});
