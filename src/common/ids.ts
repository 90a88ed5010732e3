import { v7 } from 'uuid';

/** A new identifier: UUIDv7, so ids sort by the time they were made. An identifier, never a capability. */
export function newId(): string {
  return v7();
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether the text is a UUID in its canonical lower-case form, the only form that ids of this system have. */
export function isId(text: string): boolean {
  return UUID.test(text);
}
