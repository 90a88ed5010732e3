import { isLoopback, type Settings } from '../config/settings.js';
import { PolicyDocument } from './policy-document.js';

/**
 * The policy of an installation without JCT_POLICY_FILE: a newcomer can run everything that stays inside the sandbox.
 * No plain http, whose content anybody on the way can change, no network for tasks, and no task without a sandbox.
 * Paths of this machine only while nobody else can reach the API: to a stranger they are a way to read its disk.
 */
export function builtInPolicy(settings: Pick<Settings, 'apiHost'>): PolicyDocument {
  const local = isLoopback(settings.apiHost) ? ['/**'] : [];
  return Object.assign(new PolicyDocument(), {
    version: 1,
    types: ['*'],
    repositories: ['https://**', 'ssh://**', '*@*:{*,*/**}', ...local],
    environments: ['*'],
  });
}
