import { opendir } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { isDatabaseUnavailable } from './database-errors.js';

const errorOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => null).catch((error) => error);

describe('the database is told to be away', () => {
  it('by a connection that is refused, also through a socket file that is not there', async () => {
    for (const address of [{ port: 1, host: '127.0.0.1' }, { path: '/nowhere/.s.PGSQL.5432' }]) {
      expect(isDatabaseUnavailable(await errorOf(once(connect(address), 'connect')))).toBe(true);
    }
  });

  it('by no file or folder that is missing', async () => {
    expect(isDatabaseUnavailable(await errorOf(opendir('/nowhere')))).toBe(false);
  });
});
