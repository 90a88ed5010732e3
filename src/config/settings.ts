import { type Setting } from './setting.js';
import { SETTINGS } from './settings-table.js';

type Values = {
  readonly [K in keyof typeof SETTINGS]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;
};

/** The settings in force: read once at start, validated, frozen. Inject it by this class. */
/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   one name for the injection token and the inferred shape */
export abstract class Settings {}
export interface Settings extends Values {}
/* eslint-enable */

/** Every problem of the environment at once; the process exits with 78 (EX_CONFIG) and this message. */
export class ConfigurationError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/** Variables with the prefix that the tower gives to commands: harmless when a tower runs inside a task. */
const GIVEN_TO_COMMANDS =
  /^JCT_(TASK_ID|TASK_TYPE|RUN|RUN_ID|ENVIRONMENT|ARTIFACTS_DIR|REPOSITORY|REF|COMMIT)$/;

/**
 * Reads the settings from an environment. An empty value counts as unset.
 *
 * @throws ConfigurationError naming every wrong value, unknown JCT_ name and contradiction
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(SETTINGS)) {
    values[key] = setting.default;
    const text = env[setting.env]?.trim();
    if (!text) continue;
    try {
      values[key] = setting.parse(text);
    } catch (error) {
      const shown = setting.secret ? 'the given value' : JSON.stringify(text);
      problems.push(`${setting.env} must be ${(error as Error).message}, not ${shown}`);
    }
  }
  const settings = values as unknown as Settings;
  problems.push(...unknownNames(env), ...contradictions(settings));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.freeze(settings);
}

/** The values that must never be written anywhere. */
export function secretValues(settings: Settings): string[] {
  return Object.entries(SETTINGS).flatMap(([key, setting]) => {
    const value = settings[key as keyof Settings];
    return setting.secret && typeof value === 'string' && value !== setting.default ? [value] : [];
  });
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.values(SETTINGS).map((setting) => setting.env));
  return Object.keys(env)
    .filter((name) => name.startsWith('JCT_') && !known.has(name) && !GIVEN_TO_COMMANDS.test(name))
    .map((name) => `${name} is not a setting of the tower (docs/operations.md lists them)`);
}

/** Combinations that would break a promise, e.g. a lease must outlive two heartbeats, a key guards an open address. */
function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  if (settings.heartbeatSeconds * 2 > settings.leaseSeconds) {
    problems.push(
      `JCT_HEARTBEAT_SECONDS (${settings.heartbeatSeconds}) must be at most half of JCT_LEASE_SECONDS (${settings.leaseSeconds})`,
    );
  }
  if (settings.reapIntervalSeconds > settings.leaseSeconds) {
    problems.push(
      `JCT_REAP_INTERVAL_SECONDS (${settings.reapIntervalSeconds}) must be at most JCT_LEASE_SECONDS ` +
        `(${settings.leaseSeconds}), else a dead worker is noticed long after its lease has run out`,
    );
  }
  if (settings.role !== 'all' && isInMemory(settings.databaseUrl)) {
    problems.push(
      `JCT_ROLE ${settings.role} needs a database that other processes can share: DATABASE_URL is in memory`,
    );
  }
  if (settings.role !== 'worker' && !isLoopback(settings.apiHost) && settings.apiKeyFile === undefined) {
    problems.push(
      `API_HOST ${settings.apiHost} can be reached from other machines, but nothing asks for a key: ` +
        'set JCT_API_KEY_FILE (a key is made there on first start), or API_HOST=127.0.0.1',
    );
  }
  return problems;
}

function isInMemory(databaseUrl: string): boolean {
  return /^sqlite(\+[a-z0-9]+)?:(\/\/|\/{2,3}:memory:)$/i.test(databaseUrl);
}

/** Whether only this machine can reach the address. Names other than `localhost` count as reachable. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
