import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DATABASES, type TestDatabase } from '../../support/databases.js';
import { Fleet, SHORT_LEASE } from '../../support/fleet.js';
import { PostgresProxy } from '../../support/postgres-proxy.js';

const postgres = DATABASES.find(({ name }) => name === 'PostgreSQL')!;

/** Its first run goes on for ever, its third one takes a while; if the second ever begins, it is the late one. */
const SCRIPT = 'echo "run $JCT_RUN"; [ "$JCT_RUN" != 1 ] || sleep 300; sleep 6; echo "end of $JCT_RUN"';

describe('a worker that hears of its claim after the lease', () => {
  let database: TestDatabase;
  let proxy: PostgresProxy;
  let fleet: Fleet;

  beforeEach(async () => {
    database = await postgres.create();
    proxy = await PostgresProxy.before(database.url);
    fleet = await Fleet.open(database.url, { ...SHORT_LEASE, JCT_SANDBOX: 'process' });
  });
  afterEach(async () => {
    await fleet?.close();
    await proxy?.close();
    await database?.drop();
  });

  it('F08 does not begin the run, and leaves the one alone that goes on elsewhere', async () => {
    const { api } = await fleet.api();
    const first = await fleet.worker();
    const id = await api.accepted({ type: 'test', payload: { script: SCRIPT } });
    await api.logged(id, 'run 1');
    // Given back at once, and nobody is there to take it.
    await first.stop();
    const held = proxy.holdAnswerTo('numbered AS (');
    const starting = fleet.worker({ DATABASE_URL: proxy.url });
    await held;
    while ((await api.task(id)).attempt !== 2);
    const other = await fleet.worker();
    while ((await api.task(id)).attempt !== 3);
    await api.logged(id, 'run 3');
    proxy.release();
    const late = await starting;
    expect(await api.ended(id)).toMatchObject({ status: 'completed', attempt: 3 });
    const { trace_path: path } = await api.task(id);
    expect(existsSync(join(fleet.folder, 'traces', path, '..', 'run-2'))).toBe(false);
    expect(late.lines().map(({ message }) => message)).toContainEqual(
      expect.stringContaining('it is not begun'),
    );
    expect((await late.stop()).code).toBe(0);
    expect((await other.stop()).code).toBe(0);
  });
});
