/** What the demo hands in: real work on the example repository, without network and inside the sandbox. */
export function demoTasks(repository: string) {
  const target = { repository, ref: 'main' };
  const options = { timeout_seconds: 120 };
  const about = { source: 'demo', target, options };
  return {
    test: { ...about, type: 'test', payload: { script: 'npm test', reports: { junit: ['junit.xml'] } } },
    build: {
      ...about,
      type: 'build',
      payload: { script: 'npm run build', checks: [{ file_exists: 'dist/index.js' }] },
    },
    scan: {
      ...about,
      type: 'scan',
      payload: { script: 'npm run scan', reports: { sarif: ['scan.sarif'] }, fail_on: 'error' },
    },
  };
}

/** Breaks three rules of the built-in policy at once. */
export const FORBIDDEN_TASK = {
  type: 'deploy',
  source: 'demo',
  target: { repository: 'http://example.org/widgets.git' },
  options: { sandbox: { mode: 'none', network: true } },
  payload: { script: 'make deploy' },
};
export const FORBIDDEN_BY = ['REPOSITORY_NOT_ALLOWED', 'NETWORK_NOT_GRANTED', 'SANDBOX_NOT_GRANTED'];
