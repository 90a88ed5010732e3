import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { followLogs, type LogEvent } from '../support/log-stream.js';
import { TowerYard } from '../support/tower-process.js';

onBothDatabases('an API process', (create) => {
  let database: TestDatabase;
  let yard: TowerYard;

  beforeEach(async () => {
    database = await create();
    yard = await TowerYard.open();
  });
  afterEach(async () => {
    await yard?.close();
    await database?.drop();
  });

  describe('that does not share the trace root of a worker', () => {
    it('says so, with the name of the worker, wherever the trace is asked for', async () => {
      const [{ api }, worker] = await Promise.all([
        yard.start({ DATABASE_URL: database.url, JCT_ROLE: 'api' }),
        yard.start({
          DATABASE_URL: database.url,
          JCT_ROLE: 'worker',
          JCT_TRACE_ROOT: join(yard.folder, 'elsewhere'),
        }),
      ]);
      const id = await api.accepted({ type: 'test', payload: { script: 'echo hidden' } });
      expect((await api.ended(id)).status).toBe('completed');
      for (const path of ['trace', 'trace/verify', 'trace/files/output.json', 'logs']) {
        const { status, body } = await api.get(`/tasks/${id}/${path}`);
        expect({ path, status, code: body.code }).toEqual({ path, status: 404, code: 'TRACE_NOT_FOUND' });
        expect(body.detail).toContain(`:${worker.pid}:`);
        expect(body.detail).toContain('JCT_TRACE_ROOT');
      }
      const events: LogEvent[] = [];
      for await (const event of followLogs(api.url, id)) events.push(event);
      expect(events.map(({ event }) => event)).toEqual(['run', 'missing', 'end']);
      expect(JSON.parse(events[1].data)).toMatchObject({
        run: 1,
        message: expect.stringContaining('no folder'),
      });
    });
  });
});
