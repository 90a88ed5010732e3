import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { secretForms } from './secret-forms.js';
import { SecretMasker } from './secret-masker.js';

const SECRET = 'p@ss "w\'rd$`/\\<&>?=é~';

/** Bytes through a stream, cut after the given numbers of bytes. */
function streamed(masker: SecretMasker, bytes: Buffer, sizes: number[]): Buffer {
  const stream = masker.stream();
  const parts: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    parts.push(stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  parts.push(stream.push(bytes.subarray(at)), stream.flush());
  return Buffer.concat(parts);
}

/** What masking means, the slow way: every byte of every occurrence of every form, then each run becomes `***`. */
function maskedSlowly(text: Buffer, secrets: string[]): string {
  const bytes = text.toString('latin1');
  const isSecret = Array.from(bytes, () => false);
  for (const form of secrets.flatMap((secret) => [...secretForms(secret)])) {
    for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + 1)) {
      isSecret.fill(true, at, at + form.length);
    }
  }
  const shown = Array.from(bytes, (byte, index) => (isSecret[index] ? '\u{10ffff}' : byte)).join('');
  return shown.replace(/\u{10ffff}+/gu, '***');
}

describe('SecretMasker', () => {
  const masker = new SecretMasker([SECRET]);

  it.each([
    ['as it is', SECRET],
    ['encodeURIComponent', encodeURIComponent(SECRET)],
    ['a form body', new URLSearchParams({ a: SECRET }).toString().slice(2)],
    ['lower-case percent escapes', encodeURIComponent(SECRET).replace(/%../g, (each) => each.toLowerCase())],
    ['JSON', JSON.stringify(SECRET).slice(1, -1)],
    [
      'JSON of Python',
      execFileSync('python3', ['-c', 'import json,sys;print(json.dumps(sys.argv[1])[1:-1],end="")', SECRET]),
    ],
    [
      'shlex of Python',
      execFileSync('python3', [
        '-c',
        'import shlex,sys;print(shlex.quote(sys.argv[1])[1:-1],end="")',
        SECRET,
      ]),
    ],
    ['printf %q of bash', execFileSync('bash', ['-c', 'LC_ALL=C.UTF-8 printf %q "$1"', '-', SECRET])],
    [
      'the trace of bash',
      execFileSync('bash', ['-c', 'exec 2>&1; set -x; : "$1"', '-', SECRET]).toString().slice(5, -2),
    ],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
    [
      'XML',
      SECRET.replace(/&/g, '&amp;')
        .replace(/</g, '&lt;')
        .replace(/>/g, '&gt;')
        .replace(/"/g, '&quot;')
        .replace(/'/g, '&#39;'),
    ],
  ])('leaves nothing of a secret written as %s', (_form, written) => {
    expect(masker.mask(`[${written.toString()}]`)).toBe('[***]');
  });

  it.each([0, 1, 2])('finds a secret in base64 of a longer text, %i bytes in', (offset) => {
    const encoded = Buffer.from(`${'x'.repeat(offset)}hunter2-hunter2 and more`).toString('base64');
    const masked = new SecretMasker(['hunter2-hunter2']).mask(encoded);
    expect(masked).toContain('***');
    expect(Buffer.from(masked.replace('***', ''), 'base64').toString('latin1')).not.toContain('nter');
  });

  it('masks the wrapped base64 of a long secret', () => {
    const long = 'correct horse battery staple '.repeat(5).trim();
    const encoded = execFileSync('base64', { input: long }).toString();
    expect(encoded.trim().split('\n').length).toBeGreaterThan(1);
    const masked = new SecretMasker([long, `${long}\n`]).mask(encoded);
    expect(masked).toMatch(/^[*\n=Cg]+$/);
  });

  it('masks a multi-line secret also line by line, but leaves short lines', () => {
    const masker = new SecretMasker(['-----BEGIN KEY-----\nMIIEabcdef\nabc\n']);
    expect(masker.mask('> MIIEabcdef\n> abc\n')).toBe('> ***\n> abc\n');
  });

  it('takes secrets from 6 bytes on and says whether it did', () => {
    const masker = new SecretMasker();
    expect(masker.add('12345')).toBe(false);
    expect(masker.add('éée')).toBe(false);
    expect(masker.add('123456')).toBe(true);
    expect(masker.mask('12345 123456')).toBe('12345 ***');
  });

  it('covers overlapping secrets completely', () => {
    expect(new SecretMasker(['abcdef', 'defghi']).mask('-abcdefghi-')).toBe('-***-');
  });

  it.each([
    ['git clone https://user:pass@host/x', 'git clone https://***@host/x'],
    ['postgres://u:p@ss@db', 'postgres://***@db'],
    ['https://ghp_0123456789abcdef0123@github.com', 'https://***@github.com'],
    ['ssh://git@github.com/a', 'ssh://git@github.com/a'],
    ['http://host:80/@x "http://a","b:c@d"', 'http://host:80/@x "http://a","b:c@d"'],
    [`http://a:${'b'.repeat(510)}@h`, 'http://***@h'],
    ['http://a:b', 'http://a:b'],
  ])('hides the password of a URL: %s', (text, masked) => {
    expect(new SecretMasker().mask(text)).toBe(masked);
  });

  it('masks texts, names and numbers anywhere in JSON and leaves the rest', () => {
    const masker = new SecretMasker(['hunter2!', '12345678']);
    const value = { a: ['x hunter2!', 12345678, 7, null, true], 'k-hunter2!': { b: '' } };
    expect(masker.maskJson(value)).toEqual({ a: ['x ***', '***', 7, null, true], 'k-***': { b: '' } });
  });

  it('leaves NUL, invalid UTF-8 and control bytes as they are', () => {
    const bytes = Buffer.from(Array.from({ length: 1_024 }, (_, index) => index % 256));
    expect(streamed(masker, bytes, [100, 1, 300]).equals(bytes)).toBe(true);
  });

  it('gives the same output however the input is cut, and it is what masking means', () => {
    const secrets = ['abcabd', 'bdcabcabd', 'aaaaaa', 'a/b+c?d', 'line-one\nline-two'];
    const word = fc.oneof(
      fc.constantFrom(
        ...secrets,
        ...secrets.map((each) => each.slice(0, -1)),
        ...secrets.map((each) => each.slice(1)),
      ),
      fc.constantFrom(...secrets.flatMap((each) => [...secretForms(each)])),
      fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    const texts = fc.array(word, { maxLength: 12 }).map((words) => Buffer.from(words.join(''), 'latin1'));
    const masker = new SecretMasker(secrets);
    fc.assert(
      fc.property(texts, fc.array(fc.nat(9), { maxLength: 60 }), (text, sizes) => {
        fc.pre(!text.includes('://'));
        expect(streamed(masker, text, sizes).toString('latin1')).toBe(maskedSlowly(text, secrets));
      }),
      { numRuns: 500 },
    );
  });

  it('gives the same output for URLs however the input is cut, also byte by byte', () => {
    const word = fc.constantFrom(
      'http',
      '://',
      ':',
      '/',
      '@',
      'user',
      'pass:',
      ' ',
      'x'.repeat(255),
      'hunter2!',
      'ter2!//abc',
      '\n',
    );
    const masker = new SecretMasker(['hunter2!', 'ter2!//abc', '//user']);
    fc.assert(
      fc.property(
        fc.array(word, { maxLength: 14 }),
        fc.array(fc.nat(300), { maxLength: 20 }),
        (words, sizes) => {
          const text = Buffer.from(words.join(''));
          const whole = masker.mask(text.toString());
          expect(streamed(masker, text, sizes).toString()).toBe(whole);
          expect(streamed(masker, text, Array<number>(text.length).fill(1)).toString()).toBe(whole);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('holds back only what could begin a secret', () => {
    const stream = new SecretMasker(['hunter2!']).stream();
    expect(stream.push(Buffer.from('Password: ')).toString()).toBe('Password: ');
    expect(stream.push(Buffer.from('my hunt')).toString()).toBe('my ');
    expect(stream.push(Buffer.from('er')).toString()).toBe('');
    expect(stream.push(Buffer.from('s ')).toString()).toBe('hunters ');
    expect(stream.push(Buffer.from(`http://${'x'.repeat(512)}`)).toString()).toBe('http://');
    expect(stream.push(Buffer.from('x')).length).toBe(513);
  });

  it('masks a secret that is added in the middle of a stream from then on', () => {
    const masker = new SecretMasker(['first-secret']);
    const stream = masker.stream();
    const before = stream.push(Buffer.from('second-secret first-se'));
    masker.add('second-secret');
    const after = stream.push(Buffer.from('cret second-secret.'));
    expect(before.toString() + after.toString()).toBe('second-secret *** ***.');
  });
});
