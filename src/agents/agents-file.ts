import { readFileSync } from 'node:fs';
import type { Type } from '@nestjs/common';
import { parseDocument } from 'yaml';
import { ConfigurationError } from '../config/settings.js';
import { validateAs } from '../http/validation.js';

type Plain = Record<string, unknown>;

/**
 * What JCT_AGENTS_FILE says: by the name of an agent, its configuration.
 *
 * @example
 * ```yaml
 * infrastructure-monitor: { interval_seconds: 30, disk_percent: 80 }
 * build-doctor: { log_tail_bytes: 8192 }
 * ```
 * @throws ConfigurationError
 */
export function readAgentsFile(path: string | undefined): ReadonlyMap<string, Plain> {
  if (path === undefined) return new Map();
  const wrong = (problem: string): ConfigurationError =>
    new ConfigurationError([`JCT_AGENTS_FILE ${path}: ${problem}`]);
  let content: unknown;
  try {
    const document = parseDocument(readFileSync(path, 'utf8'));
    if (document.errors[0] !== undefined) throw document.errors[0];
    content = document.toJS() ?? {};
  } catch (error) {
    throw wrong((error as Error).message.split('\n', 1)[0]);
  }
  if (!isMapping(content)) throw wrong('must hold a mapping from names of agents to their configuration');
  const agents = Object.entries(content);
  const odd = agents.find(([, config]) => !isMapping(config));
  if (odd !== undefined) throw wrong(`${odd[0]}: must be a mapping`);
  return new Map(agents as [string, Plain][]);
}

/** The configuration of one agent, defaults filled in. @throws ConfigurationError naming every problem */
export function agentConfig(name: string, form: Type<object> | undefined, given: Plain = {}): object {
  if (form === undefined) {
    if (Object.keys(given).length === 0) return {};
    throw new ConfigurationError([`JCT_AGENTS_FILE: the agent ${name} has nothing to configure`]);
  }
  const checked = validateAs(form, given, `/${name}`);
  if (checked.ok) return checked.value;
  throw new ConfigurationError(
    checked.violations.map(({ pointer, message }) => `JCT_AGENTS_FILE: ${pointer.slice(1)}: ${message}`),
  );
}

function isMapping(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
