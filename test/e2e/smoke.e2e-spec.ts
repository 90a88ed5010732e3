import { expect, it } from '@jest/globals';
import { onBothDatabases } from '../support/databases.js';
import { Tower } from '../support/tower.js';
import { TowerYard } from '../support/tower-process.js';
onBothDatabases('smoke', (create) => {
  it('runs', async () => {
    const db = await create();
    let t = performance.now();
    const lap = (w: string) => {
      process.stderr.write(`${w} ${Math.round(performance.now() - t)}\n`);
      t = performance.now();
    };
    const tower = await Tower.start(db.url);
    lap('start');
    const task = await tower.api.run({ type: 'test', payload: { script: 'echo hello' } });
    lap('run');
    process.stderr.write(JSON.stringify(task, null, 1));
    process.stderr.write(JSON.stringify((await tower.api.get('/status')).body));
    const h = await tower.api.raw({ path: '/tasks/..%2f', method: 'PUT' });
    process.stderr.write(JSON.stringify(h));
    lap('other');
    await tower.stop();
    await db.drop();
    lap('stop');
    expect(task.status).toBe('completed');
    const yard = await TowerYard.open();
    const p = await yard.start();
    lap('process');
    expect((await p.api.get('/healthz')).status).toBe(200);
    process.stderr.write(JSON.stringify(await p.stop()) + p.log);
    await yard.close();
    lap('gone');
  });
});
