import { join } from 'node:path';
import type { Repository } from '../../common/repository.js';
import { inheritedEnvironment } from '../../config/environment.js';

/** Name of the file with GIT_CONFIG in the git directory of a run, which is also the HOME of its git processes. */
export const GIT_CONFIG_FILE = '.gitconfig';

/**
 * The configuration of every git that the tower starts. A file, because `-c` and GIT_CONFIG_COUNT do not reach the
 * upload-pack that a fetch from a local repository starts.
 *
 * Filters (git-lfs) and textconv are programs named in configuration; none is named here and no other file is read,
 * so the attributes of a repository ask for them in vain.
 */
export const GIT_CONFIG = `[safe]
	directory = *
[core]
	hooksPath = /dev/null
	fsmonitor = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	protectHFS = true
	protectNTFS = true
	autocrlf = false
[protocol]
	version = 2
[protocol "ext"]
	allow = never
[submodule]
	recurse = false
[credential]
	helper =
[transfer]
	fsckObjects = true
	# One pack a fetch, no loose objects: a pack appears whole or not at all.
	unpackLimit = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[http]
	# Policy has judged this address, not one that it points to.
	followRedirects = false
	lowSpeedLimit = 1000
	lowSpeedTime = 60
`;

const SSH =
  'ssh -oBatchMode=yes -oConnectTimeout=30 -oClearAllForwardings=yes -oPermitLocalCommand=no -oControlPath=none';

/** The whole environment of a git process: only PATH is inherited. Without a kind it can reach no other repository. */
export function gitEnvironment(
  gitDir: string,
  workTree?: string,
  kind?: Repository['kind'],
): NodeJS.ProcessEnv {
  return {
    PATH: inheritedEnvironment().PATH,
    HOME: gitDir,
    // fetch-failure.ts reads git's messages.
    LC_ALL: 'C',
    GIT_DIR: gitDir,
    ...(workTree !== undefined && { GIT_WORK_TREE: workTree }),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: join(gitDir, GIT_CONFIG_FILE),
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: kind === undefined ? 'none' : kind === 'local' ? 'file' : kind,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    GIT_SSH_COMMAND: SSH,
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
  };
}
