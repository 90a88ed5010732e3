import { clip } from '../clip.js';
import type { Repository } from '../../common/repository.js';

export interface CheckoutFailure {
  message: string;
  /** Whether the same request may succeed later. */
  retryable: boolean;
}

/** What git says, what it means for whoever handed in the task. Read from git 2.39, LC_ALL=C; all stable since 2.20. */
const KNOWN: readonly [RegExp, (repository: string, ref: string) => string][] = [
  [
    /couldn't find remote ref|not our ref|no such remote ref/i,
    (repository, ref) => `${repository} has no branch, tag or commit ${ref}.`,
  ],
  [
    /unadvertised object/i,
    (repository, ref) =>
      `${repository} does not hand out commit ${ref} by its id: name a branch or tag that holds it.`,
  ],
  [
    /could not read (Username|Password)|Authentication failed|Permission denied|Host key verification failed|terminal prompts disabled|The requested URL returned error: 40[13]/i,
    (repository) =>
      `${repository} does not let this worker in, or does not exist. Private repositories are reached over ssh: ` +
      "give the worker's user a key and the host's entry in known_hosts.",
  ],
  [
    /does not appear to be a git repository|Repository not found|repository '.*' not found|not a git repository|no such file or directory.*file:|returned error: 404/i,
    (repository) => `${repository} is not a git repository, or does not exist.`,
  ],
  [
    /unable to update url base from redirection|returned error: 30\d/i,
    (repository) => `${repository} has moved: name its new address.`,
  ],
  [
    /mismatched algorithms/i,
    (repository) => `${repository} uses SHA-256 object names, which are not supported.`,
  ],
];

export function fetchFailure(stderr: string, repository: Repository, ref: string): CheckoutFailure {
  for (const [pattern, message] of KNOWN) {
    if (pattern.test(stderr)) return { message: message(repository.display, ref), retryable: false };
  }
  return {
    message: `git could not fetch ${ref} of ${repository.display}: ${clip(stderr, 1_000)}`,
    retryable: true,
  };
}
