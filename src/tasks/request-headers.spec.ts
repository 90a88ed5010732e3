import { describe, expect, it } from '@jest/globals';
import type { Request } from 'express';
import { idempotencyKey, waitSeconds } from './request-headers.js';

const request = (headers: Record<string, string>): Request => ({ headers }) as unknown as Request;

describe('idempotencyKey', () => {
  it('is the header, bare or quoted, or the member of the body', () => {
    expect(idempotencyKey(request({}), undefined)).toBeNull();
    expect(idempotencyKey(request({}), 'a')).toBe('a');
    expect(idempotencyKey(request({ 'idempotency-key': 'a' }), undefined)).toBe('a');
    expect(idempotencyKey(request({ 'idempotency-key': '"a b"' }), 'a b')).toBe('a b');
  });

  it.each(['', 'x'.repeat(129), 'tab\t', 'umlaut ä'])('refuses the header %j', (header) => {
    expect(() => idempotencyKey(request({ 'idempotency-key': header }), undefined)).toThrow(
      /Idempotency-Key/,
    );
  });

  it('refuses two different keys', () => {
    expect(() => idempotencyKey(request({ 'idempotency-key': 'a' }), 'b')).toThrow(/differ/);
  });
});

describe('waitSeconds', () => {
  it('reads the preference among others, bounded', () => {
    expect(waitSeconds(request({}))).toBe(0);
    expect(waitSeconds(request({ prefer: 'respond-async' }))).toBe(0);
    expect(waitSeconds(request({ prefer: 'return=minimal, wait=10' }))).toBe(10);
    expect(waitSeconds(request({ prefer: 'Wait=999' }))).toBe(60);
  });

  it.each(['wait', 'wait=x', 'wait=-1', 'wait=1.5'])('refuses %s', (prefer) => {
    expect(() => waitSeconds(request({ prefer }))).toThrow(/Prefer/);
  });
});
