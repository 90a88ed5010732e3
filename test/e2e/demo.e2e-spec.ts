import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findingsOf } from '../../demo/model-stand-in.js';
import { packageFile } from '../../src/common/version.js';

const DEMO = packageFile('dist/demo/demo.js');

describe('the demo', () => {
  let temporary: string;
  beforeEach(() => {
    temporary = realpathSync(mkdtempSync(join(tmpdir(), 'jct-demo-spec-')));
  });
  afterEach(() => rmSync(temporary, { recursive: true, force: true }));

  function environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { ...process.env, TMPDIR: temporary, ...more };
  }

  it('ends with 0 on a fresh machine, leaves nothing, and touches no tower that somebody has configured', () => {
    const env = environment({
      DATABASE_URL: `sqlite:///${join(temporary, 'mine.db')}`,
      JCT_API_KEY_FILE: join(temporary, 'my-key'),
      JCT_ROLE: 'worker',
    });
    const { status, stdout } = spawnSync(process.execPath, [DEMO], { env, encoding: 'utf8' });
    expect(stdout).toMatch(/All as expected/);
    expect(stdout).not.toMatch(/\x1b\[/); // eslint-disable-line no-control-regex -- a pipe gets plain lines
    expect(status).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('says what to install where there is no git, and ends with 1', () => {
    symlinkSync(process.execPath, join(temporary, 'node'));
    const env = environment({ PATH: temporary });
    const { status, stdout } = spawnSync(process.execPath, [DEMO], { env, encoding: 'utf8' });
    expect(stdout).toMatch(/git is not installed.*[\s\S]*apt-get install git/);
    expect(status).toBe(1);
  });

  it('stops its tower and removes its folder when it is interrupted', async () => {
    const demo = spawn(process.execPath, [DEMO], {
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let towerUrl: string | undefined;
    for await (const text of demo.stdout.setEncoding('utf8')) {
      towerUrl ??= /http:\/\/127\.0\.0\.1:\d+/.exec(text as string)?.[0];
      if (towerUrl !== undefined) demo.kill('SIGINT');
    }
    if (demo.exitCode === null) await once(demo, 'exit');
    expect(demo.exitCode).toBe(130);
    await expect(fetch(`${towerUrl}/healthz`)).rejects.toThrow('fetch failed');
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe('the demo of workflows', () => {
  it('deploys a good commit, stops at a bad one, says why, and ends with 0', () => {
    const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'jct-demo-spec-')));
    try {
      const { status, stdout } = spawnSync(process.execPath, [packageFile('dist/demo/workflow.js')], {
        // A key of the user's is not for a demo.
        env: { ...process.env, TMPDIR: temporary, OPENAI_API_KEY: 'sk-mine', JCT_AI_PROVIDER: 'openai' },
        encoding: 'utf8',
      });
      expect(stdout).toMatch(/deploy_production +completed/);
      expect(stdout).toMatch(/s_run_tests --> s_build_image/);
      expect(stdout).toMatch(/run_tests +failed[\s\S]*deploy_production +skipped[\s\S]*nothing was deployed/);
      expect(stdout).toMatch(
        /The model is a stand-in on http:\/\/127\.0\.0\.1:\d+\/v1.*\n.*ANTHROPIC_API_KEY/,
      );
      expect(stdout).toMatch(
        /run-1\.diagnosis\.md\n +# The test "a widget costs nothing" fails \(test\/free\.test\.js\)/,
      );
      expect(stdout).toMatch(
        /✔ event agent\.diagnosis[\s\S]*✔ GET \/tasks\/\S+\/diagnosis[\s\S]*✔ \S+\.diagnosis\.json/,
      );
      expect(stdout).toMatch(/✔ the sealed trace beside it still verifies/);
      expect(stdout).toMatch(
        /✔ refused by the built-in policy +POLICY_DENIED +AGENT_NOT_GRANTED\n +✔ no task/,
      );
      expect(stdout).toMatch(/All as expected/);
      expect(status).toBe(0);
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }, 120_000);

  it('has a stand-in of a model that says what the log says that it is shown, and nothing where that says nothing', () => {
    const log = [
      '[   0.1] out: ✔ opens (1.2ms)',
      '[   0.2] out: ✖ it closes at six (0.5ms)',
      '[   0.2] out:   AssertionError: late',
      '[   0.2] out:   7 !== 6',
      '[   0.3] out: test at test/shop.test.js:9:1',
    ];
    expect(findingsOf(log.join('\n'))).toMatchObject({
      category: 'test',
      summary: 'The test "it closes at six" fails (test/shop.test.js).',
      cause: 'An assertion does not hold: 7 !== 6',
      evidence: ['✖ it closes at six (0.5ms)', 'AssertionError: late', '7 !== 6'],
      follow_up: { script: "node --test --test-name-pattern='it closes at six'" },
    });
    expect(findingsOf(log[0])).toMatchObject({ category: 'unknown', evidence: [], follow_up: null });
  });
});
