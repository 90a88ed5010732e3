import { join } from 'node:path';

/** Settings of a tower whose files all lie in one folder and which stops at once. */
export function towerEnvironment(
  folder: string,
  environment: Record<string, string>,
): Record<string, string> {
  return {
    API_PORT: '0',
    LOG_LEVEL: 'error',
    LOG_FORMAT: 'json',
    JCT_TRACE_ROOT: join(folder, 'traces'),
    JCT_WORKSPACE_ROOT: join(folder, 'workspaces'),
    JCT_WEBHOOK_SECRET_FILE: join(folder, 'webhook-secret'),
    JCT_SHUTDOWN_GRACE_SECONDS: '0',
    // A tower under test is quiet: the monitor would tell of the machine that it happens to run on.
    MAX_CONCURRENT_AGENTS: '0',
    ...environment,
  };
}
