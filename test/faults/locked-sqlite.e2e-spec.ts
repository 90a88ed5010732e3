import { describe, it } from '@jest/globals';
import { lockedSqlite } from '../support/locked-sqlite.js';

describe('a SQLite file on which another process holds the write lock for 7 s', () => {
  const survive = lockedSqlite();

  it('F24 makes requests wait, then answers 503 to all of them; nothing else stands still, and the worker goes on', () =>
    survive(7));
});
