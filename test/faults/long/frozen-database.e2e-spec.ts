import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { Fleet, SHORT_LEASE } from '../../support/fleet.js';
import { type PrivatePostgres, startPrivatePostgres } from '../../support/postgres.mjs';
import { SilentDatabase } from '../../support/silent-database.js';

const FROZEN_MS = 60_000;

describe('a PostgreSQL of which every process is frozen for 60 s', () => {
  let server: PrivatePostgres;
  let fleet: Fleet;

  beforeEach(async () => {
    server = await startPrivatePostgres();
    fleet = await Fleet.open(server.url, { ...SHORT_LEASE, JCT_SANDBOX: 'process' });
  });
  afterEach(async () => {
    server?.signalAll('SIGCONT');
    await fleet?.close();
    await server?.stop();
  });

  it('F20 leaves no request without an answer and no task running, and all recovers without a restart', async () => {
    const silent = await SilentDatabase.of(fleet);
    server.signalAll('SIGSTOP');
    const wake = delay(FROZEN_MS);
    await silent.isToldOf();
    await wake;
    await silent.isToldOf();
    server.signalAll('SIGCONT');
    await silent.isFoundAgain();
  }, 240_000);
});
