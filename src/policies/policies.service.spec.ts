import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { CommonModule } from '../common/common.module.js';
import { ConfigModule } from '../config/config.module.js';
import { ConfigurationError, readSettings } from '../config/settings.js';
import { PoliciesModule } from './policies.module.js';
import { PoliciesService } from './policies.service.js';
import type { PolicyInput } from './policy-input.js';

const BUILD: PolicyInput = {
  type: 'build',
  payload_bytes: 2,
  priority: 'medium',
  source: 'api',
  target: null,
  options: {
    timeout_seconds: 900,
    retries: 0,
    queue: 'default',
    sandbox: { mode: 'required', network: false },
  },
  callback: null,
  tags: [],
  actor: null,
};

const allowing = (...types: string[]): string =>
  `version: 1\ntypes: [${types.join(', ')}]\nrepositories: ['https://**']\nenvironments: ['*']\n`;

describe('PoliciesService', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jct-policies-'));
    file = join(folder, 'policy.yaml');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function start(env: Record<string, string> = { JCT_POLICY_FILE: file }): Promise<PoliciesService> {
    const module = await Test.createTestingModule({
      imports: [CommonModule, ConfigModule.forRoot(readSettings(env)), PoliciesModule],
    }).compile();
    module.useLogger(false);
    return module.get(PoliciesService);
  }

  const decision = (policies: PoliciesService) => policies.evaluate(BUILD).decision;

  it('works without a file, with the built-in policy, and describes it', async () => {
    const policies = await start({});
    const description = policies.describe();
    expect(decision(policies)).toBe('allow');
    expect(description).toMatchObject({
      source: 'built-in',
      error: null,
      document: { types: ['*'], grants: [] },
    });
    expect(description.version).toBe(policies.evaluate(BUILD).version);
    expect(new Date(description.loaded_at).toISOString()).toBe(description.loaded_at);
    expect(description.rules).toContainEqual({
      rule: 'timeout-bounds',
      code: 'TIMEOUT_OUT_OF_BOUNDS',
      description: expect.any(String),
    });
  });

  it('does not start with a broken file and names every problem', async () => {
    await writeFile(file, 'version: 1\ntypes: 5\nextra: 1\n');
    await expect(start()).rejects.toBeInstanceOf(ConfigurationError);
    await expect(start()).rejects.toMatchObject({
      problems: expect.arrayContaining([
        expect.stringContaining(`JCT_POLICY_FILE ${file}: types: `),
        expect.stringContaining('extra: is not a key of a policy'),
      ]),
    });
  });

  it('does not start without the file that it was told to use', async () => {
    await expect(start()).rejects.toMatchObject({
      problems: [expect.stringContaining('cannot be read: ENOENT')],
    });
  });

  it('uses a changed file from the next request on', async () => {
    await writeFile(file, allowing('test'));
    const policies = await start();
    const before = policies.describe();
    expect(decision(policies)).toBe('deny');

    await writeFile(file, allowing('test', 'build'));
    expect(decision(policies)).toBe('allow');
    expect(policies.describe()).toMatchObject({ source: file, error: null });
    expect(policies.describe().version).not.toBe(before.version);
  });

  it('sees a file that an editor replaced by a rename, though its size is the same', async () => {
    await writeFile(file, allowing('test '));
    const policies = await start();
    expect(decision(policies)).toBe('deny');

    await writeFile(`${file}.tmp`, allowing('build'));
    await rename(`${file}.tmp`, file);
    expect(decision(policies)).toBe('allow');
  });

  it('keeps the last good policy while the file is broken, says so, and takes the mended one', async () => {
    await writeFile(file, allowing('build'));
    const policies = await start();
    const good = policies.describe();

    await writeFile(file, 'version: 1\ntypes: [');
    expect(decision(policies)).toBe('allow');
    expect(policies.describe()).toEqual({ ...good, error: expect.stringContaining('line 2') });

    await writeFile(file, allowing('test'));
    expect(decision(policies)).toBe('deny');
    expect(policies.describe().error).toBeNull();
  });

  it('keeps the last good policy while the file is away or cannot be read', async () => {
    await writeFile(file, allowing('test'));
    const policies = await start();

    await rename(file, `${file}.away`);
    expect(decision(policies)).toBe('deny');
    expect(policies.describe().error).toContain('cannot be read: ENOENT');

    await symlink(file, file);
    expect(decision(policies)).toBe('deny');
    expect(policies.describe().error).toContain('cannot be read: ELOOP');

    await rename(`${file}.away`, file);
    expect(decision(policies)).toBe('deny');
    expect(policies.describe().error).toBeNull();
  });
});
