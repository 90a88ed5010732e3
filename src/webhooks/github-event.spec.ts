import { describe, expect, it } from '@jest/globals';
import { githubEvent } from './github-event.js';

const repository = { full_name: 'acme/widgets', clone_url: 'https://github.com/acme/widgets.git' };
const sender = { login: 'ada' };
const PUSH = {
  ref: 'refs/heads/main',
  before: 'a'.repeat(40),
  after: 'b'.repeat(40),
  compare: 'https://github.com/acme/widgets/compare/a...b',
  head_commit: { message: 'Mend it', author: { username: 'ada' } },
  commits: [
    { added: ['new.ts'], modified: ['old.ts'], removed: [] },
    { added: [], modified: ['old.ts'], removed: ['gone.ts'] },
  ],
  repository,
  sender,
};

describe('a push', () => {
  it('to a branch is a commit, with the files that it changed', () => {
    expect(githubEvent('push', PUSH)).toEqual({
      type: 'development.code_commit',
      data: {
        repository: 'acme/widgets',
        repository_url: 'https://github.com/acme/widgets.git',
        sender: 'ada',
        github: { event: 'push', action: null },
        ref: 'refs/heads/main',
        branch: 'main',
        commit_sha: 'b'.repeat(40),
        before_sha: 'a'.repeat(40),
        message: 'Mend it',
        author: 'ada',
        commits: 2,
        files_changed: ['new.ts', 'old.ts', 'gone.ts'],
        files_left_out: 0,
        forced: false,
        url: 'https://github.com/acme/widgets/compare/a...b',
      },
    });
  });

  it.each([
    ['of a tag', { ref: 'refs/tags/v1' }],
    ['that deletes a branch', { deleted: true }],
  ])('%s is none', (_what, changes) => {
    expect(githubEvent('push', { ...PUSH, ...changes }).type).toBe('github.push');
  });
});

describe('what GitHub tells', () => {
  it.each([
    [
      'pull_request',
      { action: 'opened', pull_request: { number: 7, title: 'T' } },
      'development.code_review',
    ],
    [
      'pull_request_review',
      { action: 'submitted', review: { state: 'approved' } },
      'development.code_review',
    ],
    ['check_run', { check_run: { status: 'in_progress' } }, 'development.build_started'],
    [
      'check_run',
      { check_run: { status: 'completed', conclusion: 'success' } },
      'development.build_completed',
    ],
    ['check_run', { check_run: { status: 'completed', conclusion: 'failure' } }, 'development.build_failed'],
    [
      'check_run',
      { check_run: { status: 'completed', conclusion: 'timed_out' } },
      'development.build_failed',
    ],
    ['check_run', { check_run: { status: 'completed', conclusion: 'skipped' } }, 'github.check_run'],
    ['deployment_status', { deployment_status: { state: 'in_progress' } }, 'deployment.started'],
    ['deployment_status', { deployment_status: { state: 'success' } }, 'deployment.completed'],
    ['deployment_status', { deployment_status: { state: 'error' } }, 'deployment.failed'],
    ['deployment_status', { deployment_status: { state: 'constructor' } }, 'github.deployment_status'],
    ['dependabot_alert', { action: 'created', alert: {} }, 'security.vulnerability'],
    ['dependabot_alert', { action: 'dismissed', alert: {} }, 'github.dependabot_alert'],
    ['release', { action: 'published' }, 'github.release'],
    ['ping', { zen: 'Keep it logically awesome.' }, 'github.ping'],
    ['something_new', {}, 'github.something_new'],
  ])('%s %j is %s', (name, payload, type) => expect(githubEvent(name, payload).type).toBe(type));

  it.each(['push', 'pull_request', 'check_run', 'deployment_status', 'code_scanning_alert'])(
    '%s is read without a crash, whatever shape it has',
    (name) => {
      for (const odd of [null, 5, 'x', [], [null], {}])
        expect(
          githubEvent(name, {
            ref: 'refs/heads/x',
            action: 'created',
            commits: odd,
            head_commit: odd,
            repository: odd,
            pull_request: odd,
            check_run: odd,
            deployment_status: odd,
            alert: odd,
          }).data,
        ).toMatchObject({ repository: null });
    },
  );

  it('keeps the severity of an alert, and is urgent for a critical one', () => {
    const alert = {
      number: 3,
      security_advisory: { severity: 'critical', summary: 'Remote code execution' },
      dependency: { package: { name: 'left-pad' } },
    };
    expect(githubEvent('dependabot_alert', { action: 'created', alert })).toMatchObject({
      priority: 'critical',
      data: { title: 'Remote code execution', severity: 'critical', package: 'left-pad', number: 3 },
    });
  });

  it('leaves a payload out that is too large, and says so', () => {
    const payload = { big: 'x'.repeat(300_000) };
    expect(githubEvent('custom', { small: 1 }).data).toMatchObject({ payload: { small: 1 } });
    expect(githubEvent('custom', payload).data).toMatchObject({ payload: null, payload_bytes: 300_010 });
  });
});
