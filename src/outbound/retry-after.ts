/**
 * The header `Retry-After` (RFC 9110, 10.2.3) as seconds from now, never negative; null when there is none, or none that
 * can be read.
 *
 * @param header seconds, or an HTTP date
 */
export function retryAfterSeconds(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null;
  if (/^\d{1,10}$/.test(header)) return Number(header);
  // Date.parse alone would also read "2" or "soon 5" as some year.
  if (!/^[A-Z][a-z]{2}, .* GMT$/.test(header)) return null;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now.getTime()) / 1_000));
}
