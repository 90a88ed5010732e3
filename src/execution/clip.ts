// eslint-disable-next-line no-control-regex -- control characters are what is replaced
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * One line of at most `bytesMax` bytes of UTF-8: control characters become spaces, what is cut ends in `…`.
 * For text of unknown origin that goes into messages and summaries.
 */
export function clip(text: string, bytesMax: number): string {
  const line = text
    .slice(0, bytesMax + 1)
    .replace(CONTROL, ' ')
    .trim();
  const bytes = Buffer.from(line);
  if (bytes.length <= bytesMax && text.length <= bytesMax) return line;
  // A cut inside a character leaves U+FFFD, which goes too.
  const kept = bytes.subarray(0, Math.max(0, bytesMax - 3)).toString('utf8');
  return `${kept.replace(/\ufffd$/, '')}…`;
}
