import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type User, TowerYard } from '../support/tower-process.js';
import { until } from '../support/until.js';

const QUICK = { type: 'test', payload: { script: 'echo done' } };

/** Root may write everywhere, so the tower runs as somebody else; null where that one cannot read the program. */
function ordinaryUser(): User | null {
  if (process.getuid!() !== 0) return {};
  const nobody = { uid: 65_534, gid: 65_534 };
  const read = `fs.accessSync(${JSON.stringify(resolve('dist/src/main.js'))})`;
  try {
    execFileSync(process.execPath, ['-e', read], { ...nobody, stdio: 'ignore' });
    return nobody;
  } catch {
    return null;
  }
}
const user = ordinaryUser();
const title = 'a trace root that another user took';

(user ? describe : describe.skip)(
  user ? title : `${title} (skipped: no other user can read this folder)`,
  () => {
    let yard: TowerYard;
    let traces: string;

    beforeEach(async () => {
      yard = await TowerYard.open();
      traces = join(yard.folder, 'traces');
      await mkdir(traces);
      if (user!.uid) for (const folder of [yard.folder, traces]) await chown(folder, user!.uid, user!.gid!);
    });
    afterEach(() => yard?.close());

    it('F31 stops the claiming, is named in readyz, and is found again', async () => {
      const { api } = await yard.start({ JCT_POLL_INTERVAL_MS: '200' }, { user: user! });
      expect(await api.run(QUICK)).toMatchObject({ status: 'completed' });
      await chmod(traces, 0o500);
      await until(async () => (await api.get('/readyz')).status === 503);
      expect((await api.get('/readyz')).body.checks.disk.message).toMatch(
        /permission denied.*JCT_TRACE_ROOT/,
      );
      const waiting = await api.accepted(QUICK);
      await chmod(traces, 0o700);
      expect(await api.ended(waiting)).toMatchObject({ status: 'completed', attempt: 1 });
      expect((await api.get('/readyz')).status).toBe(200);
    });
  },
);
