import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { type TowerProcess, TowerYard } from '../support/tower-process.js';

/** It leaves every kind of file that a trace may have. */
const TASK = {
  type: 'test',
  payload: { script: 'echo done; mkdir a; echo x > a/b', artifacts: ['a/*'] },
};
/** More than one run makes. */
const CALLS_MAX = 50;

describe('a disk that fails a flush or a rename', () => {
  let yard: TowerYard;
  let tower: TowerProcess;
  let api: ApiClient;
  let countdown: string;

  beforeEach(async () => {
    yard = await TowerYard.open();
    countdown = join(yard.folder, 'countdown');
    await writeFile(countdown, '0');
    tower = await yard.start({
      NODE_OPTIONS: `--import=${pathToFileURL(resolve('test/support/failing-fs.mjs')).href}`,
      FAILING_FS: countdown,
      JCT_POLL_INTERVAL_MS: '200',
    });
    ({ api } = tower);
  });
  afterEach(() => yard?.close());

  /** One run whose n-th such call fails. @returns whether it made so many */
  async function runFailing(n: number): Promise<boolean> {
    await writeFile(countdown, String(n));
    const task = await api.run(TASK);
    if ((await readFile(countdown, 'utf8')) !== '0') {
      expect(task).toMatchObject({ status: 'completed' });
      return false;
    }
    expect({ n, ...task }).toMatchObject({ n, status: 'failed', failure: { reason: 'trace_storage' } });
    expect(task.failure.message).toMatch(/the disk reports an I\/O error; check it/);
    const { body } = await api.get(`/tasks/${task.task_id}/trace`);
    expect({ n, state: body.state }).toEqual({ n, state: 'incomplete' });
    const { body: report } = await api.get(`/tasks/${task.task_id}/trace/verify`);
    expect({ n, ...report }).toMatchObject({ n, ok: false, complete: false });
    return true;
  }

  it('F32 at any call of a run ends it as trace_storage without a manifest, and the next run goes well', async () => {
    let n = 1;
    while (await runFailing(n)) expect(n++).toBeLessThan(CALLS_MAX);
    // input, output, manifest: two flushes and a rename each; three folders; log, events, artifact, its folders.
    expect(n).toBeGreaterThan(12);
    await writeFile(countdown, '0');
    expect(await api.run(TASK)).toMatchObject({ status: 'completed' });
    expect((await api.get('/readyz')).status).toBe(200);
    expect((await tower.stop()).code).toBe(0);
  });
});
