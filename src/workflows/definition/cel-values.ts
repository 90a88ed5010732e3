import type { JsonValue } from '../../common/json.js';

/** Values of expressions go into rows and requests, which are bounded too. */
const VALUE_BYTES_MAX = 262_144;

/** JSON as CEL knows it: a whole number is an `int`, so that `inputs.count + 1` means what it says. */
export function toCel(value: JsonValue | undefined): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  const known = converted.get(value);
  if (known !== undefined) return known;
  const made = Array.isArray(value)
    ? value.map(toCel)
    : Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toCel(member)]));
  converted.set(value, made);
  return made;
}

/** What was converted before: an event is read by many expressions, and nobody changes it. */
const converted = new WeakMap<object, object>();

/** What an expression gave, as JSON. @throws Error when it has no such form, or is too large */
export function fromCel(value: unknown): JsonValue {
  const plain = plainOf(value);
  if (typeof plain === 'object' && Buffer.byteLength(JSON.stringify(plain)) > VALUE_BYTES_MAX) {
    throw new Error(`its value is larger than ${VALUE_BYTES_MAX} bytes of JSON`);
  }
  if (typeof plain === 'string' && Buffer.byteLength(plain) > VALUE_BYTES_MAX) {
    throw new Error(`its value is larger than ${VALUE_BYTES_MAX} bytes`);
  }
  return plain;
}

function plainOf(value: unknown): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return wholeNumber(value);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value;
    throw new Error('its value is not a finite number');
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plainOf);
  if (value instanceof Map) return objectOf(value.entries() as Iterable<[unknown, unknown]>);
  if (isPlainObject(value)) return objectOf(Object.entries(value));
  throw new Error('its value is neither text, number, list, map nor null');
}

function objectOf(entries: Iterable<[unknown, unknown]>): JsonValue {
  return Object.fromEntries([...entries].map(([key, member]) => [String(key), plainOf(member)]));
}

function wholeNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new Error('its value is a larger number than JSON can hold');
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
