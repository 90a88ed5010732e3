import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { isPublicAddress } from './public-address.js';
import { Resolver } from './resolver.js';

const URL_CHARS_MAX = 2_000;

/** Names that mean this machine or this network by definition (RFC 6761, RFC 6762, ICANN's private-use `.internal`). */
const PRIVATE_NAME = /(^|\.)(localhost|internal|local)$/;

const HOW_TO_ALLOW = 'JCT_ALLOW_PRIVATE_TARGETS=true would allow it.';

/** All addresses of a name, each one public; or why not. */
export type Resolution =
  { ok: true; addresses: LookupAddress[] } | { ok: false; reason: 'blocked' | 'dns'; message: string };

/**
 * Decides where requests of this tower may go: to the public internet, unless JCT_ALLOW_PRIVATE_TARGETS. A literal
 * address is judged by `checkUrl`; of a name that is only half the answer, the other half is `checkResolved` at the
 * moment of connecting, because a name may mean another address by then.
 */
@Injectable()
export class OutboundGuard {
  constructor(
    private readonly settings: Settings,
    private readonly resolver: Resolver,
  ) {}

  /**
   * What is against the URL, as a sentence, or null. Resolves nothing, so it is fit for the intake of a request.
   * The URL is judged as `new URL` understands it, which is how it will be sent: 0x7f.1, 2130706433, 017700000001 and
   * full-width digits are all 127.0.0.1 by then.
   */
  checkUrl(text: string): string | null {
    if (text.length > URL_CHARS_MAX) return `The URL has more than ${URL_CHARS_MAX} characters.`;
    // eslint-disable-next-line no-control-regex -- exactly those: URL parsers drop or rewrite them, each in its own way
    if (/[\u0000-\u0020\u007f\\]/.test(text))
      return 'The URL contains white space, a control character or a backslash.';
    if (!URL.canParse(text)) return 'The URL cannot be read; write it as https://host/path.';
    const url = new URL(text);
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      return 'The URL must start with https:// or http://.';
    if (url.username !== '' || url.password !== '')
      return 'The URL must not contain a user name or password.';
    return this.checkHost(url.hostname);
  }

  /** Asks for all addresses of a name; one that is not public spoils the name. */
  async checkResolved(hostname: string): Promise<Resolution> {
    let addresses: LookupAddress[];
    try {
      addresses = await this.resolver.resolve(hostname);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      return { ok: false, reason: 'dns', message: `The host name ${hostname} cannot be resolved (${code}).` };
    }
    if (addresses.length === 0) {
      return { ok: false, reason: 'dns', message: `The host name ${hostname} has no address.` };
    }
    if (!this.settings.allowPrivateTargets && !addresses.every(({ address }) => isPublicAddress(address))) {
      // Without the address: the sentence goes to the caller, who shall not learn the inner network by asking.
      const message = `The host name ${hostname} leads to an address that is not public. ${HOW_TO_ALLOW}`;
      return { ok: false, reason: 'blocked', message };
    }
    return { ok: true, addresses };
  }

  private checkHost(hostname: string): string | null {
    if (this.settings.allowPrivateTargets) return null;
    const host = hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '');
    const isPrivate = isIP(host) ? !isPublicAddress(host) : PRIVATE_NAME.test(host);
    return isPrivate ? `The host ${hostname} is not in the public internet. ${HOW_TO_ALLOW}` : null;
  }
}
