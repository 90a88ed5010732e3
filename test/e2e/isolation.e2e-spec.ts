import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../support/api-client.js';
import { bwrapUsable } from '../support/sandbox-runs.js';
import { TowerYard, type TowerProcess } from '../support/tower-process.js';

const CANARY = 'canary-93b1f6c2d8e7';

/** Where bubblewrap does not work there is no wall to test; the trace says so. */
const behindTheWall = bwrapUsable ? describe : describe.skip;

behindTheWall('a task in the sandbox', () => {
  let yard: TowerYard;
  let tower: TowerProcess;
  let api: ApiClient;
  let neighbour: Server;
  let visits = 0;

  beforeAll(async () => {
    neighbour = createServer((_, response) => {
      visits += 1;
      response.end('hello neighbour');
    });
    await new Promise<void>((resolve) => neighbour.listen(0, '0.0.0.0', resolve));
    yard = await TowerYard.open();
    tower = await yard.start({ ANTHROPIC_API_KEY: CANARY, UNRELATED_SECRET: CANARY });
    api = tower.api;
  });
  afterAll(async () => {
    await yard?.close();
    neighbour?.close();
  });

  /** What a script finds as a task, and what the same script finds on the host: the proof that it looks in the right place. */
  const inside = async (script: string): Promise<string> => {
    const ended = await api.run({
      type: 'test',
      payload: { script: `set +e\n${script}\necho looked around` },
    });
    expect(ended).toMatchObject({ status: 'completed', result: { exit_code: 0 } });
    const { manifest } = (await api.get(`/tasks/${ended.task_id}/trace`)).body;
    expect(manifest.sandbox).toMatchObject({ isolation: 'bubblewrap', network: false });
    const log = (await api.get(`/tasks/${ended.task_id}/logs`)).body as string;
    expect(log).toContain('looked around');
    return log;
  };
  const outside = async (script: string): Promise<string> =>
    (await promisify(execFile)('bash', ['-c', `set +e\n${script}\ntrue`])).stdout;

  it('reaches neither the tower nor any other address, by name, by address or by interface', async () => {
    const towerPort = new URL(api.url).port;
    const { port } = neighbour.address() as AddressInfo;
    const lan = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => `${address} ${port}`);
    const targets = [`127.0.0.1 ${towerPort}`, `localhost ${towerPort}`, `0.0.0.0 ${port}`, ...lan];
    const script = targets
      .map((target) => {
        const [host, to] = target.split(' ');
        return `timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${to} && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && head -c 4 <&3' && echo " REACHED ${target}"`;
      })
      .join('\n');
    expect((await outside(script)).match(/REACHED/g)).toHaveLength(targets.length);
    visits = 0;
    expect(await inside(script)).not.toContain('REACHED');
    expect(visits).toBe(0);
  });

  it('sees neither the environment of the tower nor any of its processes', async () => {
    const script = [
      'env',
      'for file in /proc/[0-9]*/environ; do tr "\\0" "\\n" < $file; done',
      // Quoted, so that the word does not stand in the command line of the script itself.
      `kill -0 ${tower.pid} && echo SAW-THE-"TOWER"`,
      'for file in /proc/[0-9]*/cmdline; do tr "\\0" " " < $file; echo; done',
    ].join('\n');
    const host = await outside(script);
    expect(host).toContain(CANARY);
    expect(host).toContain('SAW-THE-TOWER');
    const log = await inside(script);
    // The value would be masked, so its name is looked for, too.
    for (const word of [
      CANARY,
      'UNRELATED_SECRET',
      'ANTHROPIC_API_KEY',
      'SAW-THE-TOWER',
      'dist/src/main.js',
    ]) {
      expect(log).not.toContain(word);
    }
    expect(log).toContain('JCT_TASK_ID=');
  });

  it('can neither read nor write database, traces, workspaces of others and the home of the tower', async () => {
    const places = ['devops_control_tower.db', 'traces', 'workspaces'].map((name) => join(yard.folder, name));
    const script = [
      ...places.map((place) => `ls -d ${place} && echo FOUND ${place}`),
      ...places
        .slice(1)
        .map((place) => `touch ${place}/planted && echo WROTE ${place} && rm ${place}/planted`),
      `ls -d ${process.cwd()}/package.json && echo FOUND the program`,
      `head -1 /etc/shadow && echo FOUND /etc/shadow`,
    ].join('\n');
    expect(await outside(script)).toMatch(/FOUND.*\.db[\s\S]*FOUND.*traces[\s\S]*WROTE.*workspaces/);
    const log = await inside(script);
    expect(log).not.toMatch(/FOUND|WROTE/);
    for (const place of places.slice(1)) expect(readdirSync(place)).not.toContain('planted');
  });

  it('leaves no secret of the tower in its trace, even where it knows it', async () => {
    const [head, tail] = [CANARY.slice(0, 9), CANARY.slice(9)];
    const script = `printf '%s%s\\n' ${head} ${tail} | tee "$JCT_ARTIFACTS_DIR/said.txt"; exit 9`;
    const ended = await api.run({ type: 'test', payload: { script } });
    const folder = join(yard.folder, 'traces', ended.trace_path as string);
    for (const file of ['log.txt', 'events.jsonl', 'input.json', 'output.json', 'manifest.json']) {
      expect(readFileSync(join(folder, file), 'utf8')).not.toContain(CANARY);
    }
    expect(readFileSync(join(folder, 'log.txt'), 'utf8')).toContain('***');
    expect(JSON.stringify(ended)).not.toContain(CANARY);
    expect(tower.log).not.toContain(CANARY);
  });

  it('is not run at all without a sandbox, unless policy grants it', async () => {
    const answer = await api.enqueue({
      type: 'test',
      payload: { script: 'true' },
      options: { sandbox: { mode: 'none' } },
    });
    expect(answer.status).toBe(403);
    const ended = await api.run({
      type: 'test',
      payload: { script: 'true' },
      options: { sandbox: { mode: 'required' } },
    });
    expect(ended.status).toBe('completed');
  });
});
