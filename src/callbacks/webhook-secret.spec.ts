import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { ConfigurationError, readSettings } from '../config/settings.js';
import { webhookSecret } from './webhook-secret.js';
import { WebhookSigner } from './webhook-signer.js';

const GIVEN = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('webhookSecret', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'jct-webhook-secret-'));
    file = join(folder, 'jct', 'webhook-secret');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const read = (env: Record<string, string> = {}): string =>
    webhookSecret(readSettings({ JCT_WEBHOOK_SECRET_FILE: file, ...env }));

  it('is made at the first start, for its owner only, and is the same at every later one', () => {
    const secret = read();
    expect(secret).toMatch(/^whsec_/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(read()).toBe(secret);
    expect(readdirSync(join(folder, 'jct'))).toEqual(['webhook-secret']);
  });

  it('is another one in another place', () => {
    expect(read()).not.toBe(read({ JCT_WEBHOOK_SECRET_FILE: join(folder, 'other') }));
  });

  it('is the given value, and then no file is made', () => {
    expect(read({ JCT_WEBHOOK_SECRET: GIVEN })).toBe(GIVEN);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['no prefix', GIVEN.slice(6)],
    ['not Base64', 'whsec_not-base64!'],
    ['fewer than 24 bytes', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['more than 64 bytes', `whsec_${Buffer.alloc(65).toString('base64')}`],
  ])('refuses a value of the wrong form, says what to do, and does not repeat it: %s', (_, wrong) => {
    const refused = expect(() => read({ JCT_WEBHOOK_SECRET: wrong }));
    refused.toThrow(ConfigurationError);
    refused.toThrow(/JCT_WEBHOOK_SECRET must be whsec_.*openssl rand/);
    refused.not.toThrow(wrong);
  });

  it('refuses a file of the wrong form instead of replacing it', () => {
    read();
    writeFileSync(file, '');
    expect(() => read()).toThrow(/Remove the file to have a new secret made/);
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  it('refuses a place that cannot be written, naming it', () => {
    writeFileSync(join(folder, 'jct'), '');
    expect(() => read()).toThrow(ConfigurationError);
    expect(() => read()).toThrow(file);
  });

  it('signs so that the Standard Webhooks library verifies it, and nothing else', () => {
    const signer = new WebhookSigner(readSettings({ JCT_WEBHOOK_SECRET: GIVEN }));
    const headers = signer.headers('message-1', '{"a":1}', new Date());
    expect(new Webhook(GIVEN).verify('{"a":1}', headers)).toEqual({ a: 1 });
    expect(() => new Webhook(GIVEN).verify('{"a":2}', headers)).toThrow();
    expect(() => new Webhook(GIVEN).verify('{"a":1}', { ...headers, 'webhook-id': 'message-2' })).toThrow();
  });
});
