import type { LookupFunction } from 'node:net';
import { Agent } from 'undici';
import type { OutboundGuard, Resolution } from './outbound-guard.js';

/** The guard's refusal of a name, on its way through undici. */
export class ResolutionError extends Error {
  constructor(readonly resolution: Extract<Resolution, { ok: false }>) {
    super(resolution.message);
  }
}

/**
 * An agent for one request: its connection goes to exactly the addresses that were checked, and is never used again.
 * undici asks for the addresses of names only; whoever uses it has a literal address judged by `checkUrl`.
 */
export function guardedAgent(guard: OutboundGuard): Agent {
  const lookup: LookupFunction = (hostname, { all }, callback) => {
    void guard.checkResolved(hostname).then((resolution) => {
      if (!resolution.ok) return callback(new ResolutionError(resolution), '');
      const { address, family } = resolution.addresses[0];
      return all ? callback(null, resolution.addresses) : callback(null, address, family);
    });
  };
  // The total timeout of the request rules; undici's own (300 s each) would only blur it.
  return new Agent({ connect: { lookup }, pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
}
