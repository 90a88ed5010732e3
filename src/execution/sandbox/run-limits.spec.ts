import { linkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  bwrapUsable,
  facts,
  makeWorkspace,
  removeWorkspaces,
  runScript,
} from '../../../test/support/sandbox-runs.js';
import { planLimits } from './run-limits.js';

afterEach(removeWorkspaces);

const root = process.getuid?.() === 0;
const skipped = bwrapUsable ? '' : ` (skipped: ${facts.reason})`;

/** Starts 60 sleeping children and tells how many it got. */
const SPAWN_60 = `node -e "
  let running = 0;
  for (let i = 0; i < 60; i++) { const child = require('child_process').spawn('sleep', ['100']); child.on('error', () => {}); if (child.pid) running++; }
  console.log(running);
  if (running < 60) process.exit(0);
"`;
const HOG = `node -e "const held = []; setInterval(() => held.push(Buffer.alloc(4e6, 1)), 5)"`;
/** Doubles nine times, so that a limit that fails costs some hundred sleepers and not the host. */
const FORK_BOMB =
  'bomb() { [ $1 -gt 0 ] || exec sleep 60; bomb $(($1 - 1)) | bomb $(($1 - 1)) & }; echo ready; bomb 9; sleep 60';

describe.each([
  { mode: 'none', title: 'of a plain process', test: it },
  { mode: 'required', title: `in bubblewrap${skipped}`, test: bwrapUsable ? it : it.skip },
] as const)('limits $title', ({ mode, test }) => {
  test('a file cannot grow beyond file_mb', async () => {
    const sandbox = { mode, file_mb: 1 };
    const end = await runScript('head -c 20000000 /dev/zero > big', { sandbox });
    expect(end.exitCode).not.toBe(0);
    expect(statSync(join(end.spec.workspaceDir, 'big')).size).toBe(1024 * 1024);
    expect(end.sandbox['limits'].file).toEqual({ mb: 1, how: 'rlimit' });
  });

  test('memory of the whole tree cannot grow beyond memory_mb', async () => {
    const end = await runScript(`${HOG} & ${HOG} & wait`, { sandbox: { mode, memory_mb: 300 } });
    expect(end).toMatchObject({ stopped: 'memory', kill: { reason: 'memory', surviving_processes: 0 } });
    expect(end.kill!['took_ms']).toBeLessThan(2_000); // no grace for what broke a limit
    expect(end.sandbox['limits'].memory).toEqual({ mb: 300, how: 'sampled' });
  });

  test('Node runs under a memory limit', async () => {
    const end = await runScript(`node -e "console.log(Buffer.alloc(5e7, 1).length)"`, {
      sandbox: { mode, memory_mb: 200 },
    });
    expect(end).toMatchObject({ exitCode: 0, stdout: '50000000\n', stopped: null });
  });

  test('processes cannot become more than asked for', async () => {
    const end = await runScript(SPAWN_60, { sandbox: { mode, processes: 30 } });
    const { how } = end.sandbox['limits'].processes;
    if (how === 'rlimit') expect(Number(end.stdout)).toBeLessThan(30);
    else expect(end.stopped).toBe('processes');
    if (root) expect(how).toBe('rlimit');
  });

  test('a fork bomb is held and then removed whole', async () => {
    const stop = new AbortController();
    const end = await runScript(FORK_BOMB, {
      sandbox: { mode, processes: 20 },
      signal: stop.signal,
      sinks: { output: (stream) => Promise.resolve(stream === 'stderr' ? stop.abort('timeout') : undefined) },
    });
    expect(['timeout', 'processes']).toContain(end.stopped);
    expect(end.kill).toMatchObject({ surviving_processes: 0 });
  });
});

describe('limits of a root tower whose workspace nobody else can reach', () => {
  const test = root ? it : it.skip;
  const run = (script: string, sandbox = {}): ReturnType<typeof runScript> =>
    runScript(script, {
      workspaceDir: makeWorkspace({ hidden: true }),
      sandbox: { mode: 'none', ...sandbox },
    });

  test('the command runs as root, which is told, and processes are sampled', async () => {
    const end = await run(SPAWN_60, { processes: 30 });
    expect(end).toMatchObject({ stopped: 'processes', kill: { surviving_processes: 0 } });
    expect(end.kill!['took_ms']).toBeLessThan(2_000);
    expect(end.sandbox).toMatchObject({
      user: { kind: 'tower', uid: 0 },
      limits: { processes: { max: 30, how: 'sampled' } },
    });
    expect(end.sandbox['notes']).toContainEqual(expect.stringContaining('RUNS AS ROOT'));
  });

  // No fork bomb here: where the limit is only sampled, an unbounded one outruns every sampler and takes the machine with it.
});

describe('a workspace handed over', () => {
  (root ? it : it.skip)(
    'does not give away what is also linked elsewhere: the object files of a git cache',
    async () => {
      const workspaceDir = makeWorkspace();
      const cached = join(dirname(workspaceDir), 'cached');
      writeFileSync(cached, 'object');
      linkSync(cached, join(workspaceDir, 'linked'));
      writeFileSync(join(workspaceDir, 'plain'), '');
      const end = await runScript('echo changed > plain; echo changed > linked', {
        workspaceDir,
        sandbox: { mode: 'preferred' },
      });
      expect(end.stderr).toContain('linked: Permission denied');
      expect(statSync(join(workspaceDir, 'plain')).size).toBe(8);
      expect(statSync(cached).uid).toBe(0);
    },
  );
});

describe('a limit that nothing here can honour', () => {
  const user = { kind: 'tower', uid: 1000 } as const;
  const nothing = { prlimit: false, processTable: false, user };

  it('is refused when asked for by name, all at once', () => {
    const asked = { mode: 'none', network: false, memory_mb: 100, processes: 5, file_mb: 1 } as const;
    expect(planLimits(asked, 60, nothing).refused).toMatch(/memory_mb.*processes.*file_mb/);
  });

  it('is told as not enforced when nobody asked', () => {
    const { refused, facts } = planLimits({ mode: 'none', network: false }, 60, nothing);
    expect(refused).toBeNull();
    expect(facts).toMatchObject({
      processes: { max: null, how: null },
      file: { mb: null, how: null },
      cpu: { how: null },
    });
  });
});
