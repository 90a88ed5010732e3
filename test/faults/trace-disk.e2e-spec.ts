import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { onSmallDisks, SmallDisk } from '../support/small-disk.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';
import { until } from '../support/until.js';

const QUICK = { type: 'test', payload: { script: 'echo done' } };

onSmallDisks('a trace root that cannot be written', () => {
  let disk: SmallDisk;
  let yard: TowerYard;
  let tower: TowerProcess;
  let api: ApiClient;

  beforeAll(async () => {
    disk = SmallDisk.mount('size=8m,nr_inodes=200');
    yard = await TowerYard.open();
    tower = await yard.start({
      JCT_TRACE_ROOT: join(disk.path, 'traces'),
      JCT_MIN_FREE_MB: '1',
      JCT_HEARTBEAT_SECONDS: '1',
      JCT_POLL_INTERVAL_MS: '200',
    });
    ({ api } = tower);
  });
  afterAll(async () => {
    await yard?.close();
    disk?.unmount();
  });

  /** A run that goes on writing, ten times a second. */
  async function talking(): Promise<string> {
    const script = 'echo begun; while sleep 0.1; do head -c 65536 /dev/zero | tr "\\0" "x"; echo; done';
    const id = await api.accepted({ type: 'test', payload: { script } });
    await api.logged(id, 'begun');
    return id;
  }

  const notReady = async (): Promise<string> => {
    let message: string | null = null;
    await until(async () => {
      const { status, body } = await api.get('/readyz');
      ({ message } = body.checks.disk);
      return status === 503;
    });
    return message!;
  };
  const ready = (): Promise<void> => until(async () => (await api.get('/readyz')).status === 200);

  /** Nothing is claimed, and who asks is told why; then `mend`, and all goes on in the same process. */
  async function waitsUntilMended(reason: RegExp, mend: () => unknown): Promise<void> {
    expect(await notReady()).toMatch(reason);
    const waiting = await api.accepted(QUICK);
    await until(async () =>
      JSON.stringify((await api.get(`/tasks/${waiting}/explain`)).body.blockers).includes('JCT_'),
    );
    expect((await api.get('/healthz')).status).toBe(200);
    expect((await api.get('/tasks')).status).toBe(200);
    expect(await api.task(waiting)).toMatchObject({ status: 'queued', attempt: 0 });
    await mend();
    await ready();
    expect(await api.ended(waiting)).toMatchObject({ status: 'completed', attempt: 1 });
    expect((await api.get(`/tasks/${waiting}/trace/verify`)).body.ok).toBe(true);
  }

  it('F29 that is full fails the run as trace_storage, stops the claiming, and is found again when there is space', async () => {
    const before = await api.run(QUICK);
    const id = await talking();
    disk.fill();
    const failed = await api.ended(id);
    expect(failed).toMatchObject({ status: 'failed', failure: { reason: 'trace_storage' } });
    expect(failed.failure.message).toMatch(/no space is left on the disk/);
    expect((await api.get(`/tasks/${id}/trace`)).body).toMatchObject({ state: 'incomplete', manifest: null });
    expect((await api.get(`/tasks/${id}/logs`)).status).toBe(200);
    expect((await api.get(`/tasks/${before.task_id}/trace/verify`)).body.ok).toBe(true);
    await waitsUntilMended(/MiB are free below JCT_TRACE_ROOT/, () => disk.free());
  });

  it('F31 that has no inode left starts nothing, says so, and is found again', async () => {
    disk.fillInodes();
    await waitsUntilMended(/inodes are left/, () => disk.free());
  });

  it('F31 that became read-only fails what runs, starts nothing more, says so, and is found again', async () => {
    const id = await talking();
    disk.makeReadOnly();
    // Before any run has failed.
    expect(await notReady()).toMatch(/read-only/);
    expect((await api.post(`/tasks/${id}/cancel`)).status).toBe(200);
    expect(await api.ended(id)).toMatchObject({ status: 'failed', failure: { reason: 'trace_storage' } });
    await waitsUntilMended(/read-only/, () => disk.makeWritable());
  });

  it('F31 that was removed fails the runs that it held, and is made again', async () => {
    const id = await talking();
    await rm(join(disk.path, 'traces'), { recursive: true });
    expect((await api.post(`/tasks/${id}/cancel`)).status).toBe(200);
    const ended = await api.ended(id);
    expect(ended.status).toBe('failed');
    expect(existsSync(join(disk.path, 'traces'))).toBe(true);
    expect(await api.run(QUICK)).toMatchObject({ status: 'completed' });
    expect((await api.get('/readyz')).status).toBe(200);
  });
});
