import { dirname } from 'node:path';
import { inheritedEnvironment } from '../../config/environment.js';
import { SANDBOX_WORKSPACE } from './bubblewrap-profile.js';
import type { ProcessSpec } from './process-spec.js';

/** Variables of the command that no program before it may see, and all others. */
export interface LaunchEnvironment {
  plain: Record<string, string>;
  /** `NAME=value`, set by `env` as the last step. Never secrets: these names hold paths and switches. */
  guarded: string[];
}

/**
 * What the loader and the C library obey (glibc's own list of what it ignores in set-uid programs, and musl's). bwrap and
 * setpriv run outside the sandbox or with rights, and the environment comes with the request: `LD_PRELOAD` naming a file of
 * the repository would run that file there.
 */
const OBEYED_BY_THE_LOADER =
  /^(LD_.*|GLIBC_.*|MALLOC_.*|MUSL_.*|RESOLV_.*|RES_OPTIONS|LOCALDOMAIN|HOSTALIASES|GCONV_PATH|GETCONF_DIR|LOCPATH|NLSPATH|NIS_PATH|LANGUAGE)$/;

export function splitEnvironment(env: Readonly<Record<string, string>>): LaunchEnvironment {
  const plain: Record<string, string> = {};
  const guarded: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (OBEYED_BY_THE_LOADER.test(name)) guarded.push(`${name}=${value}`);
    else plain[name] = value;
  }
  return { plain, guarded };
}

/** The environment inside the sandbox, where /tmp is the run's own. */
export function sandboxedEnvironment(spec: ProcessSpec, path: string): Record<string, string> {
  return { HOME: SANDBOX_WORKSPACE, PATH: path, TMPDIR: '/tmp', ...spec.env, ...marks(spec) };
}

/** The environment of a plain process; `temporaryDir` is a directory of the run's own. */
export function processEnvironment(
  spec: ProcessSpec,
  path: readonly string[],
  temporaryDir: string,
): Record<string, string> {
  return { HOME: spec.workspaceDir, PATH: path.join(':'), TMPDIR: temporaryDir, ...spec.env, ...marks(spec) };
}

/** Where the tower itself looks for programs, and where its Node is. */
export function searchPath(): string[] {
  const inherited = inheritedEnvironment()
    .PATH.split(':')
    .filter((directory) => directory.startsWith('/'));
  return [...new Set([...inherited, dirname(process.execPath)])];
}

function marks(spec: ProcessSpec): Record<string, string> {
  return { JCT_TASK_ID: spec.taskId, JCT_RUN_ID: spec.runId };
}
