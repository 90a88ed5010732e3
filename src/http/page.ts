import { MalformedRequestError } from '../common/errors.js';
import { isId } from '../common/ids.js';

/** The place of a row in a list that is ordered by a time and then by the id. */
export interface Place {
  at: Date;
  id: string;
}

/**
 * The page out of one row more than it may hold, and the cursor of the next one: it names the last row of this page, so
 * that rows that are added meanwhile shift nothing.
 */
export function pageOf<T>(
  found: readonly T[],
  limit: number,
  placeOf: (row: T) => Place,
): { items: T[]; nextCursor: string | null } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items, nextCursor: more ? encode(placeOf(last)) : null };
}

/** @throws MalformedRequestError when no list ever gave such a cursor */
export function placeOf(cursor: string): Place {
  const [at = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const time = new Date(at);
  if (Number.isNaN(time.getTime()) || !isId(id)) {
    throw new MalformedRequestError(
      'MALFORMED_CURSOR',
      'The cursor is none that this list gave; leave it out to begin anew.',
    );
  }
  return { at: time, id };
}

function encode({ at, id }: Place): string {
  return Buffer.from(`${at.toISOString()} ${id}`).toString('base64url');
}
