import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readSettings } from '../../config/settings.js';
import {
  bwrapUsable,
  facts,
  makeWorkspace,
  removeWorkspaces,
  runScript,
} from '../../../test/support/sandbox-runs.js';
import { nodeMounts } from './node-installation.js';
import { ProcessRunner } from './process-runner.js';
import { Sandbox } from './sandbox.js';

const withoutBubblewrap = new Sandbox(readSettings({ JCT_SANDBOX: 'process' }));
const sandbox = { mode: 'required' } as const;
const root = process.getuid?.() === 0;

afterEach(removeWorkspaces);

describe('where bubblewrap is not used', () => {
  const runner = new ProcessRunner(withoutBubblewrap);

  it('says so and why', async () => {
    expect(await withoutBubblewrap.facts()).toMatchObject({
      isolation: 'process',
      reason: 'JCT_SANDBOX is "process".',
    });
  });

  it('refuses a task that requires it, before anything runs', async () => {
    const workspaceDir = makeWorkspace();
    const end = await runScript('touch started', { runner, workspaceDir, sandbox });
    expect(end.refused).toMatch(/requires the sandbox .*JCT_SANDBOX.*"preferred"/);
    expect(end).toMatchObject({ exitCode: null, stopped: null });
    expect(() => statSync(join(workspaceDir, 'started'))).toThrow('ENOENT');
  });

  it('runs a task that prefers it, and tells what was not enforced', async () => {
    const end = await runScript('echo ran', { runner, sandbox: { mode: 'preferred' } });
    expect(end).toMatchObject({
      exitCode: 0,
      stdout: 'ran\n',
      sandbox: { isolation: 'process', network: true },
    });
    expect(end.sandbox['notes']).toEqual(
      expect.arrayContaining([
        'Not in bubblewrap: JCT_SANDBOX is "process".',
        expect.stringContaining('network is not cut off'),
      ]),
    );
  });
});

(bwrapUsable ? describe : describe.skip)(
  `in bubblewrap${bwrapUsable ? '' : ` (skipped: ${facts.reason})`}`,
  () => {
    let server: Server;
    let port: number;
    const canary = mkdtempSync(join(tmpdir(), 'jct-canary-'));

    beforeAll(async () => {
      writeFileSync(join(canary, 'secret'), 'canary', { mode: 0o644 });
      server = createServer((socket) => socket.end('hello'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    });

    afterAll(() => {
      server.close();
      rmSync(canary, { recursive: true });
    });

    it('the network is cut off unless asked for', async () => {
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3`;
      const without = await runScript(script, { sandbox });
      expect(without.exitCode).not.toBe(0);
      expect(without.sandbox['network']).toBe(false);
      const withNetwork = await runScript(script, { sandbox: { ...sandbox, network: true } });
      expect(withNetwork).toMatchObject({ exitCode: 0, stdout: 'hello', sandbox: { network: true } });
    });

    it('no environment shows anything of the tower, and no command line shows the environment', async () => {
      process.env['TOWER_SECRET_FOR_SPEC'] = 'tower-secret-value';
      const script = `cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | sort -u; echo; cat /proc/*/cmdline | tr '\\0' ' '`;
      const end = await runScript(script, { sandbox, env: { TOKEN: 'task-secret-value' } });
      delete process.env['TOWER_SECRET_FOR_SPEC'];
      const [environments, commandLines] = end.stdout.split('\n\n');
      expect(environments).toContain('TOKEN=task-secret-value');
      expect(end.stdout).not.toContain('tower-secret-value');
      expect(commandLines).toContain('bwrap');
      expect(commandLines).not.toContain('task-secret-value');
    });

    it('nothing of the host is visible but its programs', async () => {
      const paths = [
        '/root',
        '/home',
        '/etc/shadow',
        '/etc/ssl/private',
        '/var/lib',
        '/sys',
        canary,
        process.cwd(),
      ];
      const end = await runScript(
        `for path in ${paths.join(' ')}; do test -e $path && echo $path; done; ls /`,
        { sandbox },
      );
      const expected = [
        'bin',
        'dev',
        'etc',
        'lib',
        'lib32',
        'lib64',
        'libx32',
        'opt',
        'proc',
        'sbin',
        'tmp',
        'usr',
        'var',
        'workspace',
      ];
      expect(expected).toEqual(expect.arrayContaining(end.stdout.trim().split('\n')));
    });

    it('only the workspace and the memory in /tmp and /dev/shm can be written', async () => {
      const script =
        'for path in / /usr /usr/bin /etc /dev /opt /var /proc/sys/kernel /tmp /dev/shm /workspace; do ' +
        'touch $path/x 2>/dev/null && echo $path; done; { echo x > /proc/sys/kernel/core_pattern; } 2>/dev/null && echo core; df -m --output=size /tmp | tail -1';
      const end = await runScript(script, { sandbox });
      expect(end.stdout.trim().split(/\s+/)).toEqual(['/tmp', '/dev/shm', '/workspace', '1024']);
    });

    it('the command is nobody: not root, no capability, no way to gain one, no process of others', async () => {
      const script = `id -un; id -u; grep -E '^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)' /proc/self/status | awk '{print $2}' | sort -u; ls -d /proc/[0-9]* | wc -l`;
      const end = await runScript(script, { sandbox });
      const [name, uid, capabilities, privileges, processes] = end.stdout.trim().split('\n');
      expect([name, capabilities, privileges]).toEqual(['task', '0000000000000000', '1']);
      expect(Number(uid)).toBe(end.sandbox['user'].uid);
      expect(Number(uid)).toBeGreaterThanOrEqual(1000);
      expect(Number(processes)).toBeLessThan(10);
    });

    it('two runs of a root tower at once are two users', async () => {
      if (!root) return;
      const [one, other] = await Promise.all([
        runScript('id -u', { sandbox }),
        runScript('id -u', { sandbox }),
      ]);
      expect(one.stdout).not.toBe(other.stdout);
    });

    it('names resolve to the loopback address without a network', async () => {
      const script = `node -e "require('dns').lookup('localhost', (error, address) => console.log(error ?? address))"`;
      expect((await runScript(script, { sandbox })).stdout).toMatch(/^(127\.0\.0\.1|::1)\n$/);
    });

    it('git and npm work', async () => {
      const script =
        'git init -q . && git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m x && git log --oneline | wc -l && npm --version';
      expect(await runScript(script, { sandbox })).toMatchObject({ exitCode: 0 });
    });

    it('a sandbox that cannot be built is a refusal, not an exit code', async () => {
      const workspaceDir = makeWorkspace();
      const running = runScript('true', { sandbox, workspaceDir, cwd: 'x' });
      expect((await running).refused).toContain("'x'");
      // A link that is a directory here and leads nowhere inside: found out only by bwrap itself.
      mkdirSync(join(workspaceDir, 'real'));
      symlinkSync(join(workspaceDir, 'real'), join(workspaceDir, 'link'));
      const end = await runScript('true', { sandbox, workspaceDir, cwd: 'link' });
      expect(end).toMatchObject({ refused: expect.stringContaining('could not be started') });
    });
  },
);

describe('the Node that runs the tower', () => {
  it('is there already when it lies under /usr', () => {
    expect(nodeMounts('/usr/bin/node')).toEqual({ args: [], binDirectory: '/usr/bin' });
  });

  it('is brought in with its packages and their commands, but not with what else lies around it', () => {
    const home = mkdtempSync(join(tmpdir(), 'jct-home-'));
    mkdirSync(join(home, 'bin'));
    mkdirSync(join(home, 'lib/node_modules/npm'), { recursive: true });
    writeFileSync(join(home, 'bin/node'), '');
    writeFileSync(join(home, 'bin/private-script'), '');
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(home, 'bin/npm'));
    symlinkSync('../.ssh/id_rsa', join(home, 'bin/key'));
    const { args, binDirectory } = nodeMounts(join(home, 'bin/node'));
    expect(binDirectory).toBe('/opt/node/bin');
    expect(args.slice(args.indexOf('--ro-bind'))).toEqual([
      ...['--ro-bind', join(home, 'bin/node'), '/opt/node/bin/node'],
      ...['--ro-bind', join(home, 'lib/node_modules'), '/opt/node/lib/node_modules'],
      ...['--symlink', '../lib/node_modules/npm/bin/npm-cli.js', '/opt/node/bin/npm'],
    ]);
    rmSync(dirname(join(home, 'x')), { recursive: true });
  });
});
