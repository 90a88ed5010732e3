import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test, type TestingModule } from '@nestjs/testing';
import { plainToInstance } from 'class-transformer';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { GitRepository } from '../../../test/support/git-repository.js';
import { RecordingRunLog } from '../../../test/support/recording-run-log.js';
import { CommonModule } from '../../common/common.module.js';
import { newId } from '../../common/ids.js';
import { ConfigModule } from '../../config/config.module.js';
import { readSettings } from '../../config/settings.js';
import type { RunContext, RunTarget, SandboxOptions } from '../../task-types/executor.js';
import { ExecutionModule } from '../execution.module.js';
import { CommandExecutor } from './command.executor.js';
import { commandLine } from './command-line.js';
import { CommandPayload, ScanPayload } from './command.payload.js';

let root: string;
let source: GitRepository;
let commit: string;
let app: TestingModule;
let executor: CommandExecutor;
let log: RecordingRunLog;

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'jct-executor-')));
  source = new GitRepository(join(root, 'source'));
  commit = source.commit({ 'src/a.txt': '1', 'package.json': '{"version":"1.0.0"}' });
  const settings = readSettings({ JCT_WORKSPACE_ROOT: join(root, 'ws') });
  app = await Test.createTestingModule({
    imports: [CommonModule, ConfigModule.forRoot(settings), ExecutionModule],
  }).compile();
  await app.init();
  executor = app.get(CommandExecutor);
});
afterAll(async () => {
  await app.close();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  log = new RecordingRunLog();
});

interface Given {
  type?: string;
  target?: RunTarget;
  sandbox?: Partial<SandboxOptions>;
  attempt?: number;
  taskId?: string;
  signal?: AbortSignal;
}

async function execute(payload: object, given: Given = {}) {
  const type = given.type ?? 'build';
  const run: RunContext<CommandPayload> = {
    task: {
      id: given.taskId ?? newId(),
      type,
      target: given.target ?? null,
      timeoutSeconds: 60,
      sandbox: { mode: 'preferred', network: false, ...given.sandbox },
    },
    payload: plainToInstance(type === 'scan' ? ScanPayload : CommandPayload, payload),
    runId: newId(),
    attempt: given.attempt ?? 1,
    signal: given.signal ?? new AbortController().signal,
    log,
  };
  const outcome = await executor.execute(run);
  expect(readdirSync(join(root, 'ws/runs'))).toEqual([]);
  return { outcome, run };
}

describe('a command', () => {
  it('runs in a checkout, and its output, artifacts, reports and checks are in the result', async () => {
    const { outcome } = await execute(
      {
        script: [
          'cat src/a.txt; echo warning >&2; mkdir dist; echo code > dist/app.js; echo extra > "$JCT_ARTIFACTS_DIR/extra"',
          `echo '<testsuite><testcase name="x"/></testsuite>' > junit.xml`,
        ].join('\n'),
        artifacts: ['dist/**'],
        reports: { junit: ['*.xml'] },
        checks: [
          { exit_code: 0 },
          { file_exists: 'dist/app.js' },
          { json_equals: { file: 'package.json', pointer: '/version', value: '1.0.0' } },
        ],
      },
      { target: { repository: source.dir, ref: 'main' } },
    );
    expect(outcome).toMatchObject({
      status: 'completed',
      result: {
        exit_code: 0,
        signal: null,
        commit,
        reports: { junit: { files: 1, tests: 1, failures: 0 } },
        checks: [{ ok: true }, { ok: true }, { ok: true }],
        artifacts: [{ path: 'extra' }, { path: 'dist/app.js', size_bytes: 5 }],
        artifacts_total: 2,
      },
    });
    expect([log.text, log.stderr.join('')]).toEqual(['1', 'warning\n']);
    expect(log.events.map(({ name }) => name)).toEqual([
      'workspace.ready',
      'process.started',
      'process.ended',
      'artifact.kept',
      'artifact.kept',
      ...Array<string>(3).fill('check.evaluated'),
    ]);
    expect(log.facts.repository).toEqual({ repository: source.dir, ref: 'main', commit, fetched: true });
    expect(log.facts.process).toMatchObject({ exit_code: 0, stopped: null });
    expect(log.facts.sandbox).toHaveProperty('isolation');
  });

  it.each(['preferred', 'none'] as const)(
    'has a clean environment and the words of the contract (sandbox: %s)',
    async (mode) => {
      const script =
        'env -0 | sort -z | tr "\\0" "\\n"; echo "here=$(pwd)"; test -w "$HOME"; test -d "$JCT_ARTIFACTS_DIR"';
      const { run } = await execute(
        { script, env: { MY_VAR: 'a b', LANG: 'C' } },
        {
          target: { repository: source.dir, environment: 'staging', path: 'src' },
          sandbox: { mode },
          type: 'deploy',
          attempt: 3,
        },
      );
      const env = Object.fromEntries(
        log.text
          .trim()
          .split('\n')
          .map((line) => line.split(/=(.*)/).slice(0, 2)),
      ) as Record<string, string>;
      expect(env).toMatchObject({
        CI: 'true',
        LANG: 'C',
        MY_VAR: 'a b',
        JCT_TASK_ID: run.task.id,
        JCT_TASK_TYPE: 'deploy',
        JCT_RUN: '3',
        JCT_RUN_ID: run.runId,
        JCT_ENVIRONMENT: 'staging',
        JCT_COMMIT: commit,
        JCT_REF: '',
        JCT_REPOSITORY: source.dir,
      });
      const top = env['here'].replace(/\/src$/, '');
      expect([env['HOME'], env['JCT_ARTIFACTS_DIR']]).toEqual([`${top}/.jct-home`, `${top}/.jct-artifacts`]);
      const allowed =
        /^(PATH|HOME|LANG|CI|TMPDIR|MY_VAR|JCT_\w+|GIT_CEILING_DIRECTORIES|PWD|OLDPWD|SHLVL|_|here)$/;
      expect(Object.keys(env).filter((name) => !allowed.test(name))).toEqual([]);
    },
  );

  it('given as a list is read by no shell', async () => {
    const { outcome } = await execute({ command: ['printf', '%s|', '$(id)', '; ls', ''] });
    expect([outcome.status, log.text]).toEqual(['completed', '$(id)|; ls||']);
  });

  it.each([
    ['false; echo unreachable', 1],
    ['false | cat', 1],
    ['echo "$UNSET_VARIABLE"', 1],
    ['exit 7', 7],
  ])('fails with the exit code of its script: %s', async (script, code) => {
    const { outcome } = await execute({ script });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { reason: 'exit_code', message: `The command ended with ${code}.` },
      result: { exit_code: code },
      retryable: true,
    });
    expect(log.text).not.toContain('unreachable');
  });

  it('keeps artifacts and reports of a failure', async () => {
    const script =
      'echo log > a.log; echo "<testsuite><testcase><failure/></testcase></testsuite>" > r.xml; exit 1';
    const { outcome } = await execute({ script, artifacts: ['*.log'], reports: { junit: ['r.xml'] } });
    expect(outcome).toMatchObject({
      status: 'failed',
      result: { artifacts: [{ path: 'a.log' }], reports: { junit: { failures: 1 } } },
    });
  });

  it('succeeds with the exit code that is asked for, and fails with reason check otherwise', async () => {
    expect((await execute({ script: 'exit 3', checks: [{ exit_code: 3 }] })).outcome.status).toBe(
      'completed',
    );
    const { outcome } = await execute({ script: 'exit 0', checks: [{ exit_code: 3 }, { file_exists: 'x' }] });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { reason: 'check', message: expect.stringMatching(/^2 of 2 checks failed\. exit_code 3: /) },
    });
    expect(log.notes.filter((note) => note.startsWith('Check failed: '))).toHaveLength(2);
  });

  it('may change only what changed_only_under allows, whatever it does to git', async () => {
    const target = { repository: source.dir };
    const checks = [{ changed_only_under: 'src/' }];
    const fine = await execute({ script: 'echo 2 > src/a.txt; echo x > "$HOME/.cache"', checks }, { target });
    expect(fine.outcome.status).toBe('completed');
    const script =
      'git init -q .; git config core.fsmonitor "touch pwned"; echo "*" > .gitignore; echo 2 > package.json';
    const wrong = await execute({ script, checks }, { target });
    expect(wrong.outcome).toMatchObject({ status: 'failed', failure: { reason: 'check' } });
    expect(existsSync('pwned')).toBe(false);
  });

  it('that does not exist fails as 127 does', async () => {
    expect((await execute({ command: ['no-such-program-at-all'] })).outcome).toMatchObject({
      status: 'failed',
      failure: { reason: 'exit_code' },
      result: { exit_code: 127 },
    });
  });
});

describe('a stopped command', () => {
  it.each(['timeout', 'cancelled', 'shutdown', 'lease_lost'] as const)(
    'ends as stopped: %s',
    async (reason) => {
      const stop = new AbortController();
      log.onOutput = (text) => text.includes('ready') && stop.abort(reason);
      const script = 'echo kept > "$JCT_ARTIFACTS_DIR/a"; echo ready; exec sleep 600';
      const { outcome } = await execute({ script, checks: [{ file_exists: 'x' }] }, { signal: stop.signal });
      expect(outcome.status).toBe('stopped');
      expect(outcome.result).toMatchObject({ checks: [], commit: null });
      // What a run leaves behind after its lease is lost would be written into a trace that is no longer its own.
      expect([...log.artifacts.keys()]).toEqual(reason === 'lease_lost' ? [] : ['a']);
    },
  );

  it('does not start when it was stopped before', async () => {
    const { outcome } = await execute({ script: 'echo ran' }, { signal: AbortSignal.abort('cancelled') });
    expect([outcome.status, log.text]).toEqual(['stopped', '']);
  });
});

describe('what cannot run', () => {
  it('names the repository, the ref or the folder that is wrong, and is not tried again', async () => {
    const cases: [RunTarget, RegExp][] = [
      [{ repository: join(root, 'nope') }, /is not a git repository/],
      [{ repository: source.dir, ref: 'nope' }, /no branch, tag or commit nope/],
      [{ repository: source.dir, path: 'nope' }, /no folder nope/],
      [{ repository: 'ext::sh -c touch% pwned' }, /white space/],
    ];
    for (const [target, message] of cases) {
      const { outcome } = await execute({ script: 'echo ran' }, { target });
      expect(outcome).toMatchObject({
        status: 'failed',
        failure: { reason: 'error', message: expect.stringMatching(message) },
        retryable: false,
      });
    }
    expect(log.text).toBe('');
  });

  it('never shows the password of a repository', async () => {
    const { outcome } = await execute(
      { script: 'true' },
      { target: { repository: 'https://me:hunter2@127.0.0.1/x' } },
    );
    expect(log.masked).toEqual(['hunter2']);
    expect(JSON.stringify([outcome, log.notes, log.events])).not.toContain('hunter2');
  });

  it('is a repository that brings the folders of the tower', async () => {
    const evil = new GitRepository(join(root, 'evil'));
    symlinkSync('/etc', join(evil.dir, '.jct-artifacts'));
    evil.commit();
    const { outcome } = await execute({ script: 'true' }, { target: { repository: evil.dir } });
    expect(outcome).toMatchObject({
      status: 'failed',
      failure: { message: expect.stringMatching(/\.jct-artifacts/) },
      retryable: false,
    });
  });
});

describe('a scan', () => {
  const sarif = (level: string) =>
    `echo '{"runs":[{"results":[{"level":"${level}","message":{"text":"x"}}]}]}' > a.sarif`;
  const reports = { sarif: ['*.sarif'] };

  it.each([
    [sarif('error'), undefined, 'failed'],
    [sarif('warning'), undefined, 'completed'],
    [sarif('warning'), 'warning', 'failed'],
    [sarif('note'), 'warning', 'completed'],
    [sarif('error'), 'never', 'completed'],
    ['true', undefined, 'failed'],
    ['true', 'never', 'completed'],
    ['echo broken > a.sarif', 'error', 'failed'],
  ])('%s with fail_on %s is %s', async (script, fail_on, status) => {
    const { outcome } = await execute({ script, reports, ...(fail_on && { fail_on }) }, { type: 'scan' });
    expect(outcome.status).toBe(status);
    if (outcome.status === 'failed') expect(outcome.failure.reason).toBe('check');
  });
});

describe('a script', () => {
  it('goes to sh where there is no bash, and the log says so', async () => {
    const { argv, note } = await commandLine({ script: 'echo x' }, ['/nonexistent']);
    expect(argv).toEqual(['/bin/sh', '-eu', '-c', 'echo x']);
    expect(note).toMatch(/no bash/);
  });
});
