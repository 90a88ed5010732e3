import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { Injectable } from '@nestjs/common';

/** Names to addresses, the way the system does it (hosts file included). A class of its own, so that a test can answer. */
@Injectable()
export class Resolver {
  /** All addresses of the name. @throws as `dns.lookup` does, with `code` ENOTFOUND, EAI_AGAIN ... */
  resolve(hostname: string): Promise<LookupAddress[]> {
    return lookup(hostname, { all: true });
  }
}
