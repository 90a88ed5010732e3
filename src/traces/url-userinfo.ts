/** `://` must be seen to know that what follows is the authority of a URL. */
export const USERINFO_CONTEXT_BYTES = 3;

/** Longer userinfo is not recognised: more than this is never held back. */
const USERINFO_BYTES_MAX = 512;

/** A user name this long is a token (`https://ghp_...@github.com`); `ssh://git@host` is shown. */
const TOKEN_BYTES_MIN = 20;

const AUTHORITY_END = /[\x00-\x20\x7f"'<>\\`/?#]/; // eslint-disable-line no-control-regex -- controls end a URL
const USERINFO = new RegExp(`://([^${AUTHORITY_END.source.slice(1, -1)}]{1,${USERINFO_BYTES_MAX}})@`, 'g');

/**
 * Marks the `user:password` of every `scheme://user:password@host` in `data`, which is bytes as a latin1 string.
 *
 * @returns index from which on more input may change the marks; `data.length` when nothing is open
 */
export function markUserinfo(data: string, marks: Uint8Array): number {
  for (const { index, 1: userinfo } of data.matchAll(USERINFO)) {
    if (!userinfo.includes(':') && userinfo.length < TOKEN_BYTES_MIN) continue;
    const start = index + USERINFO_CONTEXT_BYTES;
    marks.fill(1, start, start + userinfo.length);
  }
  const scheme = data.lastIndexOf('://');
  if (scheme === -1) return data.length;
  const authority = scheme + USERINFO_CONTEXT_BYTES;
  const isOpen = data.length - authority <= USERINFO_BYTES_MAX && !AUTHORITY_END.test(data.slice(authority));
  return isOpen ? authority : data.length;
}
