import { dirname, join } from 'node:path';
import { inheritedEnvironment } from '../../config/environment.js';
import type { RunContext } from '../../task-types/executor.js';
import type { Workspace } from '../workspace/workspaces.js';
import type { CommandPayload } from './command.payload.js';
import { ARTIFACTS_FOLDER, HOME_FOLDER } from './reserved-folders.js';

/**
 * The environment of a command. Nothing of the tower's is inherited but LANG; PATH is the sandbox's, which knows what is
 * there. The JCT_ variables are always set, empty where there is no value, so that `set -u` scripts can ask for them.
 *
 * @param workspacePath where the command sees its workspace
 */
export function commandEnvironment(
  { task, runId, attempt, payload }: RunContext<CommandPayload>,
  { source }: Workspace,
  workspacePath: string,
): Record<string, string> {
  return {
    HOME: join(workspacePath, HOME_FOLDER),
    LANG: inheritedEnvironment().LANG,
    CI: 'true',
    // There is no .git in a workspace; git must not take a repository around the workspace root for it.
    GIT_CEILING_DIRECTORIES: dirname(workspacePath),
    ...payload.env,
    JCT_TASK_ID: task.id,
    JCT_TASK_TYPE: task.type,
    JCT_RUN: String(attempt),
    JCT_RUN_ID: runId,
    JCT_ENVIRONMENT: task.target?.environment ?? '',
    JCT_ARTIFACTS_DIR: join(workspacePath, ARTIFACTS_FOLDER),
    JCT_REPOSITORY: source?.repository ?? '',
    JCT_REF: source?.ref ?? '',
    JCT_COMMIT: source?.commit ?? '',
  };
}
