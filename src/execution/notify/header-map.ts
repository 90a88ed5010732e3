import {
  ValidatorConstraint,
  type ValidationArguments,
  type ValidatorConstraintInterface,
} from 'class-validator';

const HEADERS_MAX = 20;
const VALUE_CHARS_MAX = 4_096;

/** RFC 9110 token. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** Visible Latin-1 with inner blanks: no CR, LF or NUL, which would start a header of their own. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** Set by the client itself: to frame the message, to say who sends it and to whom. */
const OWN = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
]);

/** Accepts a map of header names to values that can be sent as it is, without changing how the request is framed. */
@ValidatorConstraint({ name: 'headerMap' })
export class HeaderMap implements ValidatorConstraintInterface {
  validate(value: unknown): boolean {
    return problemOf(value) === null;
  }

  defaultMessage({ property, value }: ValidationArguments): string {
    return `${property} ${problemOf(value)}`;
  }
}

function problemOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'must be an object of header names and values';
  }
  const headers = Object.entries(value as Record<string, unknown>);
  if (headers.length > HEADERS_MAX) return `must have at most ${HEADERS_MAX} headers`;
  const names = new Set<string>();
  for (const [name, text] of headers) {
    const lower = name.toLowerCase();
    if (!NAME.test(name))
      return `must have header names of letters, digits and "-", not ${JSON.stringify(name)}`;
    if (OWN.has(lower)) return `must not have ${name}: the tower sets it`;
    if (names.has(lower)) return `must have ${name} only once`;
    if (typeof text !== 'string' || text.length > VALUE_CHARS_MAX || !VALUE.test(text)) {
      return `must have for ${name} a string of at most ${VALUE_CHARS_MAX} Latin-1 characters, without line breaks`;
    }
    names.add(lower);
  }
  return null;
}
