import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from '@jest/globals';
import { readSettings } from '../config/settings.js';
import { OutboundGuard } from './outbound-guard.js';
import { Resolver } from './resolver.js';

class Answers extends Resolver {
  constructor(private readonly addresses: string[]) {
    super();
  }

  override resolve(): Promise<LookupAddress[]> {
    return Promise.resolve(
      this.addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }
}

function guard(addresses: string[] = [], env: Record<string, string> = {}): OutboundGuard {
  return new OutboundGuard(readSettings(env), new Answers(addresses));
}

describe('OutboundGuard', () => {
  it.each([
    'https://hooks.example.com/a?b=c#d',
    'http://example.com:8080/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'HTTPS://EXAMPLE.COM',
    'https://localhost.example.com/',
    'https://mylocal/',
    'https://bücher.example/',
  ])('has nothing against %s', (url) => {
    expect(guard().checkUrl(url)).toBeNull();
  });

  it.each<[string, RegExp]>([
    ['', /cannot be read/],
    ['hooks.example.com', /cannot be read/],
    ['//hooks.example.com', /cannot be read/],
    ['https://', /cannot be read/],
    ['https://256.1.1.1/', /cannot be read/],
    ['ftp://example.com/', /must start with/],
    ['file:///etc/passwd', /must start with/],
    ['javascript:alert(1)', /must start with/],
    ['gopher://example.com/', /must start with/],
    ['https://user@example.com/', /user name/],
    ['https://:secret@example.com/', /user name/],
    ['https://example.com/a b', /white space/],
    ['https://exa\nmple.com/', /control character/],
    [' https://example.com/', /white space/],
    ['https:\\\\example.com\\', /backslash/],
    [`https://example.com/${'a'.repeat(1_981)}`, /2000 characters/],
  ])('refuses %j', (url, refusal) => {
    expect(guard().checkUrl(url)).toMatch(refusal);
  });

  it('takes a URL of exactly 2,000 characters', () => {
    expect(guard().checkUrl(`https://example.com/${'a'.repeat(1_980)}`)).toBeNull();
  });

  it('lets private hosts through with JCT_ALLOW_PRIVATE_TARGETS, and still refuses what is no web URL', async () => {
    const open = guard(['127.0.0.1'], { JCT_ALLOW_PRIVATE_TARGETS: 'true' });
    expect(open.checkUrl('http://127.0.0.1:8080/')).toBeNull();
    expect(open.checkUrl('http://localhost/')).toBeNull();
    expect(open.checkUrl('http://u:p@localhost/')).toMatch(/user name/);
    expect(open.checkUrl('file:///etc/passwd')).toMatch(/must start with/);
    expect(await open.checkResolved('db')).toMatchObject({ ok: true });
  });

  it('passes a name only when every one of its addresses is public', async () => {
    expect(await guard(['8.8.8.8', '2606:4700:4700::1111']).checkResolved('hooks.example')).toEqual({
      ok: true,
      addresses: [
        { address: '8.8.8.8', family: 4 },
        { address: '2606:4700:4700::1111', family: 6 },
      ],
    });
    for (const hidden of ['10.0.0.1', '::ffff:127.0.0.1', '64:ff9b::a9fe:a9fe', 'fe80::1%eth0']) {
      expect(await guard(['8.8.8.8', hidden]).checkResolved('hooks.example')).toMatchObject({
        ok: false,
        reason: 'blocked',
      });
    }
  });

  it('does not tell the caller which inner address a name has', async () => {
    const resolution = await guard(['10.20.30.40']).checkResolved('vault.corp.example');
    expect(JSON.stringify(resolution)).not.toContain('10.20');
  });

  it('reports a name without addresses as a matter of DNS', async () => {
    expect(await guard([]).checkResolved('empty.example')).toMatchObject({ ok: false, reason: 'dns' });
  });
});
