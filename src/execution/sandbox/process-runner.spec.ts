import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  bwrapUsable,
  facts,
  makeWorkspace,
  processesNaming,
  removeWorkspaces,
  runner,
  runScript,
} from '../../../test/support/sandbox-runs.js';

afterEach(removeWorkspaces);

const skipped = bwrapUsable ? '' : ` (skipped: ${facts.reason})`;

describe.each([
  { isolation: 'process', mode: 'none', title: 'as a plain process', test: it },
  {
    isolation: 'bubblewrap',
    mode: 'required',
    title: `in bubblewrap${skipped}`,
    test: bwrapUsable ? it : it.skip,
  },
] as const)('a command $title', ({ isolation, mode, test }) => {
  const sandbox = { mode };
  let nextNumber = 4_000_000 + (process.pid % 1_000) * 1_000 + (isolation === 'process' ? 0 : 500);
  /** A duration for `sleep` that no other process of the host uses: finds strays by their command line. */
  const uniqueSleep = (): string => `sleep ${nextNumber++}`;

  test('gives its exit code and both streams, and tells what was enforced', async () => {
    const end = await runScript('echo out; echo err >&2; exit 3', { sandbox });
    expect(end).toMatchObject({
      exitCode: 3,
      signal: null,
      stopped: null,
      refused: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(end.sandbox).toMatchObject({ isolation, network: isolation === 'process' });
    expect(end.durationMs).toBeGreaterThan(0);
  });

  test('tells a death by signal', async () => {
    const end = await runScript('kill -9 $$', { sandbox });
    expect([end.exitCode, end.signal]).toEqual(isolation === 'process' ? [null, 'SIGKILL'] : [137, null]);
    expect(end.stopped).toBeNull();
  });

  test('ends with 127 and says why when there is no such program', async () => {
    const end = await runScript('', { sandbox, argv: ['no-such-program'] });
    expect(end).toMatchObject({ exitCode: 127, refused: null });
    expect(end.stderr).toContain('no-such-program');
  });

  test('is refused where the arguments cannot be passed', async () => {
    const end = await runScript('', { sandbox, argv: ['echo', 'a\0b'] });
    expect(end.refused).toContain('could not be started');
  });

  test('gets its environment, a home, a path with the node of the tower, and its ids: nothing else', async () => {
    const end = await runScript('env | sort; command -v node; node --version', {
      sandbox,
      env: { GREETING: 'hi' },
    });
    const lines = end.stdout.trim().split('\n');
    const names = lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('=')[0]);
    const ofBash = ['OLDPWD', 'PWD', 'SHLVL', '_'];
    expect(names.filter((name) => !ofBash.includes(name))).toEqual([
      ...['GREETING', 'HOME', 'JCT_RUN_ID', 'JCT_TASK_ID', 'PATH', 'TMPDIR'],
    ]);
    expect(lines.at(-1)).toBe(process.version);
    expect(lines).toContain(`HOME=${await runner.workspacePath(end.spec.sandbox, end.spec.workspaceDir)}`);
  });

  test('works in the directory asked for, and is refused outside of the workspace', async () => {
    const workspaceDir = makeWorkspace();
    await runScript('mkdir -p a/b && ln -s / out', { sandbox, workspaceDir });
    const inside = await runScript('pwd', { sandbox, workspaceDir, cwd: 'a/b' });
    expect(inside.stdout.trim()).toBe(`${await runner.workspacePath(inside.spec.sandbox, workspaceDir)}/a/b`);
    for (const cwd of ['..', 'out', 'missing']) {
      expect((await runScript('pwd', { sandbox, workspaceDir, cwd })).refused).toContain(`'${cwd}'`);
    }
  });

  test('leaves files that the tower can read', async () => {
    const { spec } = await runScript('umask 077; echo kept > result.txt', { sandbox });
    expect(readFileSync(join(spec.workspaceDir, 'result.txt'), 'utf8')).toBe('kept\n');
  });

  test('is slowed down by a slow reader: 100 MB pass through flat memory, whole', async () => {
    let bytes = 0;
    let peak = 0;
    const before = process.memoryUsage().rss;
    const output = async (_: string, chunk: Buffer): Promise<void> => {
      bytes += chunk.length;
      peak = Math.max(peak, process.memoryUsage().rss);
      await turn();
    };
    const end = await runScript('head -c 100000000 /dev/zero', { sandbox, sinks: { output } });
    expect([end.exitCode, bytes]).toEqual([0, 100_000_000]);
    expect(peak - before).toBeLessThan(50_000_000);
  });

  test('is not started when it was stopped before', async () => {
    const workspaceDir = makeWorkspace();
    const end = await runScript('touch started', {
      sandbox,
      workspaceDir,
      signal: AbortSignal.abort('cancelled'),
    });
    expect(end).toMatchObject({ stopped: 'cancelled', exitCode: null, refused: null, kill: null });
    expect(() => statSync(join(workspaceDir, 'started'))).toThrow('ENOENT');
  });

  test('F16 is stopped with all that it started: new sessions, double forks, holders of its output, scrubbed environments', async () => {
    const [inSession, forkedTwice, scrubbed] = [uniqueSleep(), uniqueSleep(), uniqueSleep()];
    const stop = new AbortController();
    let stoppedAt = Infinity;
    const script = `setsid ${inSession} & (setsid bash -c '${forkedTwice} & disown' &) ; env -i setsid ${scrubbed} & echo ready; wait`;
    const end = await runScript(script, {
      sandbox,
      signal: stop.signal,
      onOutput: () => {
        stoppedAt = performance.now();
        stop.abort('timeout');
      },
    });
    expect(performance.now() - stoppedAt).toBeLessThan(3_000);
    expect(end).toMatchObject({ stopped: 'timeout', kill: { reason: 'timeout', surviving_processes: 0 } });
    expect([inSession, forkedTwice, scrubbed].flatMap(processesNaming)).toEqual([]);
  });

  test('that ends by itself leaves no process behind', async () => {
    const [inSession, background] = [uniqueSleep(), uniqueSleep()];
    const end = await runScript(`setsid ${inSession} & ${background} & exit 4`, { sandbox });
    expect(end).toMatchObject({ exitCode: 4, stopped: null });
    expect([inSession, background].flatMap(processesNaming)).toEqual([]);
    if (isolation === 'process')
      expect(end.kill).toMatchObject({ reason: 'leftovers', surviving_processes: 0 });
    expect(end.durationMs).toBeLessThan(3_000);
  });

  test('may tidy up on SIGTERM, and its last words are kept', async () => {
    const stop = new AbortController();
    // Ready when the child is there: one that bash forks just as the signal comes would be left behind, to be killed later.
    const script = `trap 'echo bye; exit 7' TERM; ${uniqueSleep()} & echo ready; wait`;
    const onOutput = (): void => stop.abort('cancelled');
    const end = await runScript(script, { sandbox, signal: stop.signal, onOutput });
    expect(end).toMatchObject({ exitCode: 7, stopped: 'cancelled', stdout: 'ready\nbye\n' });
    expect(end.kill).toMatchObject({ signals: [{ signal: 'SIGTERM' }], surviving_processes: 0 });
    expect(end.durationMs).toBeLessThan(3_000);
  });

  test('is killed after 5 s when it ignores SIGTERM', async () => {
    const sleep = uniqueSleep();
    const stop = new AbortController();
    const onOutput = (): void => stop.abort('shutdown');
    const end = await runScript(`trap '' TERM; echo ready; ${sleep}`, {
      sandbox,
      signal: stop.signal,
      onOutput,
    });
    expect(end).toMatchObject({ stopped: 'shutdown', exitCode: null, signal: 'SIGKILL' });
    expect(end.kill).toMatchObject({
      signals: [{ signal: 'SIGTERM' }, { signal: 'SIGKILL' }],
      surviving_processes: 0,
    });
    expect(end.kill!['took_ms']).toBeGreaterThanOrEqual(4_900);
    expect(end.kill!['took_ms']).toBeLessThan(8_000);
    expect(processesNaming(sleep)).toEqual([]);
  });

  test('is stopped when its output cannot be kept, and the cause is passed on', async () => {
    const sleep = uniqueSleep();
    const sinks = { output: () => Promise.reject(new Error('disk full')) };
    await expect(runScript(`echo one; ${sleep}`, { sandbox, sinks })).rejects.toThrow('disk full');
    expect(processesNaming(sleep)).toEqual([]);
  });

  test('cannot make the programs that confine it load its own code', async () => {
    const workspaceDir = makeWorkspace();
    const visible = await runner.workspacePath({ mode, network: false }, workspaceDir);
    const env = { LD_DEBUG: 'files', LD_DEBUG_OUTPUT: `${visible}/loader` };
    const end = await runScript('cat loader.*', { sandbox, workspaceDir, env });
    const programs = [...end.stdout.matchAll(/initialize program: (\S+)/g)].map(([, name]) => name);
    expect(programs).toContain('bash');
    expect(programs.filter((name) => /bwrap|setpriv|prlimit|env/.test(name))).toEqual([]);
  });
});

describe('what an earlier run left', () => {
  it('is found by the task and killed, and what a later run has started is spared', async () => {
    const sleep = `sleep ${5_000_000 + process.pid}`;
    const stop = new AbortController();
    let spared: Promise<number> | undefined;
    let swept: Promise<number> | undefined;
    const end = await runScript(`echo ready; ${sleep}`, {
      taskId: 'swept-task',
      env: { JCT_RUN: '2' },
      signal: stop.signal,
      onOutput: () => {
        spared ??= runner.sweepTask('swept-task', 2);
        swept ??= spared.then(() => runner.sweepTask('swept-task', 3));
      },
    });
    expect(await spared).toBe(0);
    expect(await swept).toBeGreaterThanOrEqual(1);
    expect(end).toMatchObject({ signal: 'SIGKILL', stopped: null });
    expect(processesNaming(sleep)).toEqual([]);
    expect(await runner.sweepTask('swept-task', 3)).toBe(0);
  });
});
