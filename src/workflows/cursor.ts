import { MalformedRequestError } from '../common/errors.js';
import { isId } from '../common/ids.js';

/** The place of a row in a list that is ordered by a time and then by the id. */
export interface Place {
  at: Date;
  id: string;
}

export function encodeCursor({ at, id }: Place): string {
  return Buffer.from(`${at.toISOString()} ${id}`).toString('base64url');
}

/** @throws MalformedRequestError when the list never gave such a cursor */
export function decodeCursor(cursor: string): Place {
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
