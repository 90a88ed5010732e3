import ipaddr from 'ipaddr.js';

/**
 * Whether the address lies in the public internet. Everything else is refused by one rule: private, loopback, link-local
 * (cloud metadata), multicast, reserved, and each form that hides an IPv4 address in an IPv6 one (mapped, NAT64, 6to4,
 * Teredo). Text that is no address is not public.
 *
 * @param address in any spelling that ipaddr.js reads; IPv6 without brackets
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // ipaddr.js calls ::7f00:1 (IPv4-compatible, deprecated) unicast; global unicast is 2000::/3 and nothing else.
  return !(parsed instanceof ipaddr.IPv6) || (parsed.parts[0] & 0xe000) === 0x2000;
}
