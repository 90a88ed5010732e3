import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** How the Node that runs the tower gets into the sandbox: options for bwrap, and the directory for PATH. */
export interface NodeMounts {
  args: string[];
  binDirectory: string;
}

const INSIDE = '/opt/node';

/**
 * A Node under /usr is there already. Any other (nvm, a tarball in a home directory) is mounted at /opt/node: the program,
 * the packages installed beside it (npm, corepack) and their commands. Its prefix as a whole is not: that may be a home directory.
 *
 * @param execPath `process.execPath`: absolute, links resolved
 */
export function nodeMounts(execPath: string): NodeMounts {
  const binDirectory = dirname(execPath);
  if (execPath.startsWith('/usr/')) return { args: [], binDirectory };
  const args = [
    ...openDirectories('/opt', INSIDE, `${INSIDE}/bin`, `${INSIDE}/lib`),
    ...['--ro-bind', execPath, `${INSIDE}/bin/node`],
  ];
  const packages = join(dirname(binDirectory), 'lib/node_modules');
  if (existsSync(packages)) {
    args.push('--ro-bind', packages, `${INSIDE}/lib/node_modules`);
    for (const [name, target] of packageCommands(binDirectory))
      args.push('--symlink', target, `${INSIDE}/bin/${name}`);
  }
  return { args, binDirectory: `${INSIDE}/bin` };
}

/** The links in `bin` that lead to an installed package: `npm -> ../lib/node_modules/npm/bin/npm-cli.js`. */
function packageCommands(binDirectory: string): [name: string, target: string][] {
  return readdirSync(binDirectory, { withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry): [string, string] => [entry.name, readlinkSync(join(binDirectory, entry.name))])
    .filter(([, target]) => target.startsWith('../lib/node_modules/'));
}

/** bwrap makes the directories above a mount as well, but with mode 0700: closed to a run with a uid of its own. */
export function openDirectories(...paths: string[]): string[] {
  return paths.flatMap((path) => ['--perms', '0755', '--dir', path]);
}
