import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { inheritedEnvironment } from '../../config/environment.js';
import type { CommandPayload } from './command.payload.js';

export interface CommandLine {
  argv: readonly string[];
  /** What the reader of the log should know of it. */
  note: string | null;
}

const SYSTEM_DIRS: readonly string[] = ['/bin', '/usr/bin', '/usr/local/bin'];

/**
 * The program and arguments of a payload; a script goes to bash, or to sh where there is no bash.
 *
 * @param dirs where bash is looked for, by its absolute path: a PATH of the payload does not decide what runs the script
 */
export async function commandLine(
  { script, command }: Pick<CommandPayload, 'script' | 'command'>,
  dirs = [...SYSTEM_DIRS, ...inheritedEnvironment().PATH.split(':')],
): Promise<CommandLine> {
  if (script === undefined) return { argv: command ?? [], note: null };
  for (const dir of dirs) {
    const bash = join('/', dir, 'bash');
    if (await isExecutable(bash)) return { argv: [bash, '-euo', 'pipefail', '-c', script], note: null };
  }
  return {
    argv: ['/bin/sh', '-eu', '-c', script],
    note: 'There is no bash here: the script runs with `sh -eu`, and a failure inside a pipe goes unnoticed.',
  };
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
