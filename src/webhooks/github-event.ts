import type { JsonObject } from '../common/json.js';
import { EVENT_TYPES } from '../events/event-types.js';
import type { NewEvent } from '../events/insert-events.js';

/** A payload that is larger is left out of an event that has no form of its own. */
const PAYLOAD_BYTES_MAX = 262_144;
const FILES_MAX = 300;
const MESSAGE_CHARACTERS_MAX = 2_000;

type Mapped = Pick<NewEvent, 'type' | 'data' | 'priority'>;

/**
 * What GitHub tells, as an event: the known ones thin and with the names of this system, whatever else as
 * `github.<event>` with the whole payload. Pure; the payload is as trustworthy as its signature, but its fields may be absent.
 */
export function githubEvent(name: string, payload: JsonObject): Mapped {
  const mapped = known(name, payload);
  const common = {
    repository: text(payload, 'repository', 'full_name'),
    repository_url: text(payload, 'repository', 'clone_url'),
    sender: text(payload, 'sender', 'login'),
    github: { event: name, action: text(payload, 'action') },
  };
  if (mapped !== null) return { ...mapped, data: { ...common, ...mapped.data } };
  return { type: `github.${name}`, data: { ...common, ...whole(payload) } };
}

function known(name: string, payload: JsonObject): Mapped | null {
  switch (name) {
    case 'push':
      return push(payload);
    case 'pull_request':
    case 'pull_request_review':
      return review(payload);
    case 'check_run':
      return checkRun(payload);
    case 'deployment_status':
      return deployment(payload);
    case 'dependabot_alert':
    case 'code_scanning_alert':
    case 'secret_scanning_alert':
      return alert(name, payload);
    default:
      return null;
  }
}

/** Commits on a branch; a deleted branch and a tag bring none. */
function push(payload: JsonObject): Mapped | null {
  const branch = /^refs\/heads\/(.+)$/.exec(text(payload, 'ref') ?? '')?.[1];
  if (branch === undefined || payload['deleted'] === true) return null;
  const commits = list(payload, 'commits');
  const files = commits.flatMap((commit) =>
    ['added', 'modified', 'removed'].flatMap((kind) => list(commit, kind)),
  );
  const changed = [...new Set(files.filter((file) => typeof file === 'string'))];
  return {
    type: EVENT_TYPES.CODE_COMMIT,
    data: {
      ref: text(payload, 'ref'),
      branch,
      commit_sha: text(payload, 'after'),
      before_sha: text(payload, 'before'),
      message: text(payload, 'head_commit', 'message')?.slice(0, MESSAGE_CHARACTERS_MAX) ?? null,
      author: text(payload, 'head_commit', 'author', 'username') ?? text(payload, 'pusher', 'name'),
      commits: commits.length,
      files_changed: changed.slice(0, FILES_MAX),
      files_left_out: Math.max(0, changed.length - FILES_MAX),
      forced: payload['forced'] === true,
      url: text(payload, 'compare'),
    },
  };
}

function review(payload: JsonObject): Mapped {
  const pull = (...path: string[]): string | null => text(payload, 'pull_request', ...path);
  return {
    type: EVENT_TYPES.CODE_REVIEW,
    data: {
      action: text(payload, 'action'),
      number: number(payload, 'pull_request', 'number'),
      title: pull('title'),
      state: text(payload, 'review', 'state') ?? pull('state'),
      merged: at(payload, ['pull_request', 'merged']) === true,
      draft: at(payload, ['pull_request', 'draft']) === true,
      author: pull('user', 'login'),
      branch: pull('head', 'ref'),
      commit_sha: pull('head', 'sha'),
      base_branch: pull('base', 'ref'),
      url: text(payload, 'review', 'html_url') ?? pull('html_url'),
    },
  };
}

function checkRun(payload: JsonObject): Mapped | null {
  const run = (...path: string[]): string | null => text(payload, 'check_run', ...path);
  const type = checkRunType(run('status'), run('conclusion'));
  if (type === null) return null;
  return {
    type,
    data: {
      job_name: run('name'),
      status: run('status'),
      conclusion: run('conclusion'),
      branch: run('check_suite', 'head_branch'),
      commit_sha: run('head_sha'),
      summary: run('output', 'title'),
      url: run('html_url'),
    },
    ...(type === EVENT_TYPES.BUILD_FAILED ? { priority: 'high' } : {}),
  };
}

/** Skipped, cancelled and neutral runs say neither that a build is good nor that it is bad. */
function checkRunType(status: string | null, conclusion: string | null): string | null {
  if (status === 'in_progress') return EVENT_TYPES.BUILD_STARTED;
  if (conclusion === 'success') return EVENT_TYPES.BUILD_COMPLETED;
  return ['failure', 'timed_out', 'startup_failure'].includes(conclusion ?? '')
    ? EVENT_TYPES.BUILD_FAILED
    : null;
}

const DEPLOYMENTS = new Map<string | null, string>([
  ['in_progress', EVENT_TYPES.DEPLOYMENT_STARTED],
  ['success', EVENT_TYPES.DEPLOYMENT_COMPLETED],
  ['failure', EVENT_TYPES.DEPLOYMENT_FAILED],
  ['error', EVENT_TYPES.DEPLOYMENT_FAILED],
]);

function deployment(payload: JsonObject): Mapped | null {
  const status = (name: string): string | null => text(payload, 'deployment_status', name);
  const type = DEPLOYMENTS.get(status('state'));
  if (type === undefined) return null;
  return {
    type,
    data: {
      environment: status('environment') ?? text(payload, 'deployment', 'environment'),
      state: status('state'),
      description: status('description'),
      ref: text(payload, 'deployment', 'ref'),
      commit_sha: text(payload, 'deployment', 'sha'),
      url: status('log_url') ?? status('target_url'),
    },
    ...(type === EVENT_TYPES.DEPLOYMENT_FAILED ? { priority: 'high' } : {}),
  };
}

const NEW_ALERT = ['created', 'reopened', 'reintroduced', 'appeared_in_branch'];

/** New findings only: that one was closed is no vulnerability. */
function alert(name: string, payload: JsonObject): Mapped | null {
  if (!NEW_ALERT.includes(text(payload, 'action') ?? '')) return null;
  const found = (...path: string[]): string | null => text(payload, 'alert', ...path);
  const severity =
    found('security_advisory', 'severity') ??
    found('rule', 'security_severity_level') ??
    found('rule', 'severity');
  return {
    type: EVENT_TYPES.SECURITY_VULNERABILITY,
    data: {
      kind: name.replace(/_alert$/, ''),
      number: number(payload, 'alert', 'number'),
      title:
        found('security_advisory', 'summary') ??
        found('rule', 'description') ??
        found('secret_type_display_name'),
      severity,
      package: found('dependency', 'package', 'name'),
      url: found('html_url'),
    },
    priority: severity === 'critical' || name === 'secret_scanning_alert' ? 'critical' : 'high',
  };
}

function whole(payload: JsonObject): JsonObject {
  const bytes = Buffer.byteLength(JSON.stringify(payload));
  return bytes <= PAYLOAD_BYTES_MAX ? { payload } : { payload: null, payload_bytes: bytes };
}

/** What stands at a path; undefined when something on it is missing or no object. */
function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
        ? (inner as Record<string, unknown>)[name]
        : undefined,
    value,
  );
}

function text(value: unknown, ...path: string[]): string | null {
  const found = at(value, path);
  return typeof found === 'string' ? found : null;
}

function number(value: unknown, ...path: string[]): number | null {
  const found = at(value, path);
  return typeof found === 'number' ? found : null;
}

function list(value: unknown, ...path: string[]): unknown[] {
  const found = at(value, path);
  return Array.isArray(found) ? found : [];
}
