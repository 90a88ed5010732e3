import { describe, it } from '@jest/globals';
import { databaseAway } from '../support/database-away.js';

describe('a PostgreSQL that crashes under load and comes back after 8 s', () => {
  const survive = databaseAway();

  it(
    'F19 ends no process, loses no acknowledged task, runs each once, and is found again',
    () => survive(8),
    120_000,
  );
});
