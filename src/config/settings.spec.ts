import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { packageFile } from '../common/version.js';
import { envExample } from './env-example.js';
import { SETTINGS } from './settings-table.js';
import { ConfigurationError, isLoopback, readSettings, secretValues } from './settings.js';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('readSettings', () => {
  it('gives every default, frozen, for an empty environment', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({
      databaseUrl: 'sqlite:///./devops_control_tower.db',
      redisUrl: undefined,
      apiHost: '127.0.0.1',
      apiPort: 8000,
      debug: false,
      role: 'all',
      workerQueues: ['default'],
    });
    expect(Object.keys(settings)).toEqual(Object.keys(SETTINGS));
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('reads numbers, flags, choices and lists, whatever their case and the space around them', () => {
    const settings = readSettings({
      API_PORT: ' 0 ',
      DEBUG: 'YES',
      JCT_ALLOW_PRIVATE_TARGETS: 'off',
      LOG_LEVEL: 'Warn',
      JCT_WORKER_QUEUES: 'default, gpu ,default',
    });
    expect(settings).toMatchObject({
      apiPort: 0,
      debug: true,
      allowPrivateTargets: false,
      logLevel: 'warn',
      workerQueues: ['default', 'gpu'],
    });
  });

  it.each(['', '   '])('takes an empty value (%j) for unset', (value) => {
    expect(readSettings({ API_PORT: value, JCT_ROLE: value, REDIS_URL: value })).toEqual(readSettings({}));
  });

  it('names every wrong value at once, with what it must be', () => {
    const wrong = {
      API_PORT: '65536',
      DEBUG: 'maybe',
      LOG_LEVEL: 'loud',
      JCT_ROLE: 'boss',
      JCT_WORKER_CONCURRENCY: '0',
      JCT_WORKER_QUEUES: 'a,,b',
      JCT_MIN_FREE_MB: '1e3',
    };
    expect(problemsOf(wrong)).toEqual([
      'API_PORT must be a whole number from 0 to 65535, not "65536"',
      'DEBUG must be true or false, not "maybe"',
      'LOG_LEVEL must be one of error, warn, info, debug, not "loud"',
      'JCT_ROLE must be one of all, api, worker, not "boss"',
      'JCT_WORKER_CONCURRENCY must be a whole number from 1 to 1000, not "0"',
      expect.stringMatching(/^JCT_WORKER_QUEUES must be a comma-separated list of names .*, not "a,,b"$/),
      'JCT_MIN_FREE_MB must be a whole number from 0 to 1048576, not "1e3"',
    ]);
  });

  it.each(['localhost:6379', 'redis-host', 'http://h', 'redis://:pw#1@h'])(
    'takes %s for no address of a Redis, and does not repeat it',
    (REDIS_URL) => {
      expect(problemsOf({ REDIS_URL })).toEqual([
        'REDIS_URL must be a URL that begins with redis:// or rediss://, not the given value',
      ]);
    },
  );

  it.each(['8000.5', '0x10', '+1', '1_000', 'NaN', '99999999999999999999', '-1'])(
    'takes %s for no port number',
    (value) => {
      expect(problemsOf({ API_PORT: value })).toHaveLength(1);
    },
  );

  it('names an unknown JCT_ variable, which is a typing error, but nothing else of the environment', () => {
    expect(problemsOf({ JCT_LEASE_SECOND: '5', PATH: '/bin', JCTX: '1', LEASE: '1' })).toEqual([
      'JCT_LEASE_SECOND is not a setting of the tower (docs/operations.md lists them)',
    ]);
  });

  it('may be used inside a task, whose variables start with JCT_ as well', () => {
    expect(problemsOf({ JCT_TASK_ID: 'x', JCT_RUN: '1', JCT_ARTIFACTS_DIR: '/x', JCT_COMMIT: '' })).toEqual(
      [],
    );
  });

  it('refuses a heartbeat that a lease does not outlive twice', () => {
    const lease = { JCT_LEASE_SECONDS: '10', JCT_REAP_INTERVAL_SECONDS: '10' };
    expect(problemsOf({ ...lease, JCT_HEARTBEAT_SECONDS: '5' })).toEqual([]);
    expect(problemsOf({ ...lease, JCT_HEARTBEAT_SECONDS: '6' })).toEqual([
      'JCT_HEARTBEAT_SECONDS (6) must be at most half of JCT_LEASE_SECONDS (10)',
    ]);
  });

  it('refuses to look for dead workers less often than their leases run out', () => {
    expect(problemsOf({ JCT_REAP_INTERVAL_SECONDS: '60' })).toEqual([]);
    expect(problemsOf({ JCT_REAP_INTERVAL_SECONDS: '61' })).toEqual([
      expect.stringContaining('JCT_REAP_INTERVAL_SECONDS (61) must be at most JCT_LEASE_SECONDS (60)'),
    ]);
  });

  it.each(['sqlite://', 'sqlite:///:memory:', 'sqlite+aiosqlite:///:memory:'])(
    'refuses a process of one role on %s, which no other process can see',
    (DATABASE_URL) => {
      expect(problemsOf({ DATABASE_URL })).toEqual([]);
      for (const JCT_ROLE of ['api', 'worker']) {
        expect(problemsOf({ DATABASE_URL, JCT_ROLE })).toEqual([
          expect.stringContaining('DATABASE_URL is in memory'),
        ]);
      }
    },
  );

  it.each(['0.0.0.0', '::', '192.168.1.5', 'tower.example', '127.0.0.1.example'])(
    'does not open %s to other machines without a key, and says what to do',
    (API_HOST) => {
      expect(problemsOf({ API_HOST })).toEqual([
        expect.stringMatching(/set JCT_API_KEY_FILE .*API_HOST=127\.0\.0\.1/),
      ]);
      expect(problemsOf({ API_HOST, JCT_API_KEY_FILE: '/data/api-key' })).toEqual([]);
      expect(problemsOf({ API_HOST, JCT_ROLE: 'worker' })).toEqual([]);
    },
  );

  it('names contradictions and wrong values together', () => {
    expect(
      problemsOf({ API_HOST: '0.0.0.0', API_PORT: 'x', JCT_NO: '1', JCT_HEARTBEAT_SECONDS: '60' }),
    ).toHaveLength(4);
  });

  it('repeats no value of a secret, also when it is wrong itself', () => {
    const secrets = Object.values(SETTINGS).filter(({ secret }) => secret);
    const env = Object.fromEntries(secrets.map(({ env: name }) => [name, '\thunter2 !']));
    expect(problemsOf({ ...env, API_PORT: 'x' }).join()).toMatch(/^(?!.*hunter2).*API_PORT/);
  });
});

describe('secretValues', () => {
  it('are the values that were set of all settings marked as secrets, and of no other', () => {
    const env = {
      DATABASE_URL: 'postgres://u:p@h/d',
      REDIS_URL: 'redis://:p@h',
      OPENAI_API_KEY: 'sk-1',
      ANTHROPIC_API_KEY: 'sk-2',
      JCT_WEBHOOK_SECRET: 'whsec_x',
      ENVIRONMENT: 'prod',
    };
    const { ENVIRONMENT: _, ...secrets } = env;
    expect(secretValues(readSettings(env)).sort()).toEqual(Object.values(secrets).sort());
    expect(secretValues(readSettings({}))).toEqual([]);
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])('is true for %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '128.0.0.1', ''])('is false for %j', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('.env.example', () => {
  it('is what the table of settings says: `npm run env:example` writes it', () => {
    expect(readFileSync(packageFile('.env.example'), 'utf8')).toBe(envExample());
  });

  it('shows the defaults: with every # taken away the settings are the same', () => {
    const all = parseEnv(envExample().replaceAll(/^#(?=[A-Z_]+=)/gm, ''));
    expect(Object.keys(all)).toHaveLength(Object.keys(SETTINGS).length);
    expect(readSettings(all as Record<string, string>)).toEqual(readSettings({}));
  });
});
