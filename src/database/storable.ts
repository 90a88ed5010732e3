import type { JsonObject } from '../common/json.js';

/**
 * The text as both databases can store it: PostgreSQL refuses U+0000 everywhere and half a surrogate pair in JSON, and
 * what a command says may hold both.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** The JSON text of an object, every string in it storable. */
export function storableJson(object: JsonObject): string {
  return JSON.stringify(object, (_, value: unknown) =>
    typeof value === 'string' ? storableText(value) : value,
  );
}

/** The object with every string in it storable; the same one when it already is. */
export function storableObject<T extends JsonObject>(object: T): T {
  const text = JSON.stringify(object);
  const stored = storableJson(object);
  return text === stored ? object : (JSON.parse(stored) as T);
}
