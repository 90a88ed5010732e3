import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { nodeMounts, openDirectories } from './node-installation.js';
import type { RunUser } from './run-user.js';

/** Where the workspace is inside the sandbox. */
export const SANDBOX_WORKSPACE = '/workspace';

/**
 * Size of /tmp and of /dev/shm, each. They live in memory that belongs to no process, so the sampled memory limit does not
 * see them: this is their limit.
 */
export const TMP_MB = 1024;

/** File descriptors 0-2 are the command's; the texts of `data` follow, then the one that bwrap reports its state to. */
const FIRST_DATA_FD = 3;

export interface BubblewrapProfile {
  args: string[];
  /** Texts for the descriptors from 3 on. */
  data: string[];
  statusFd: number;
  /** What PATH is inside, when the caller gives none. */
  path: string;
}

export interface ProfileOptions {
  workspaceDir: string;
  cwd: string;
  network: boolean;
  user: RunUser;
  /** `process.execPath` of the tower. */
  nodePath: string;
  /** bubblewrap before 0.7 cannot bound a tmpfs. */
  sizedTmpfs: boolean;
}

/** The sandbox: namespaces of its own, system directories read-only, nothing else of the host but the workspace. */
export function bubblewrapProfile(options: ProfileOptions): BubblewrapProfile {
  const { user, network } = options;
  const data: string[] = [];
  const file = (path: string, text: string): string[] => {
    data.push(text);
    return ['--perms', '0644', '--ro-bind-data', String(FIRST_DATA_FD + data.length - 1), path];
  };
  const node = nodeMounts(options.nodePath);
  const size = options.sizedTmpfs ? ['--size', String(TMP_MB * 1024 * 1024)] : [];
  const args = [
    ...namespaces(user, network),
    ...systemDirectories(),
    ...node.args,
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['/tmp', '/dev/shm'].flatMap((path) => ['--perms', '1777', ...size, '--tmpfs', path]),
    ...openDirectories('/var', '/etc', '/etc/ssl', '/etc/pki', '/etc/pki/tls', '/etc/pki/ca-trust'),
    ...['--symlink', '/tmp', '/var/tmp'],
    ...etc(network),
    ...file('/etc/passwd', `task:x:${user.uid}:${user.uid}:task:${SANDBOX_WORKSPACE}:/bin/bash\n`),
    ...file('/etc/group', `task:x:${user.uid}:\n`),
    ...(network ? [] : file('/etc/hosts', '127.0.0.1 localhost\n::1 localhost\n')),
    ...['--bind', options.workspaceDir, SANDBOX_WORKSPACE],
    // The root of the sandbox and /dev are memory too, and writable for a user namespace's owner.
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--chdir', posix.join(SANDBOX_WORKSPACE, options.cwd)],
  ];
  const statusFd = FIRST_DATA_FD + data.length;
  args.push('--json-status-fd', String(statusFd), '--');
  const path = [
    ...new Set([
      node.binDirectory,
      '/usr/local/sbin',
      '/usr/local/bin',
      '/usr/sbin',
      '/usr/bin',
      '/sbin',
      '/bin',
    ]),
  ];
  return { args, data, statusFd, path: path.join(':') };
}

/**
 * Without a user namespace bwrap starts as root and keeps only what it needs to enter the workspace and to let setpriv
 * drop the rest. Root inside a user namespace is not an option: to the kernel it is still the host's root, who may write
 * /proc/sys/kernel/core_pattern.
 */
function namespaces(user: RunUser, network: boolean): string[] {
  const needed = ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', 'CAP_DAC_READ_SEARCH'];
  return [
    ...(user.kind === 'namespace'
      ? ['--unshare-user', '--uid', String(user.uid), '--gid', String(user.uid)]
      : []),
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(network ? [] : ['--unshare-net']),
    ...['--cap-drop', 'ALL'],
    ...(user.kind === 'own' ? needed.flatMap((capability) => ['--cap-add', capability]) : []),
    ...['--die-with-parent', '--new-session', '--hostname', 'sandbox'],
  ];
}

/** /usr, and beside it /bin, /lib ... as this host has them: links into /usr, or directories of their own. */
function systemDirectories(): string[] {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry?.isSymbolicLink()) args.push('--symlink', readlinkSync(path), path);
    else if (entry) args.push('--ro-bind', path, path);
  }
  return args;
}

const ETC = [
  ...['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime'],
  ...['ssl/certs', 'ssl/cert.pem', 'ssl/openssl.cnf', 'ca-certificates', 'crypto-policies'],
  ...['pki/tls/certs', 'pki/tls/openssl.cnf', 'pki/ca-trust/extracted'],
];
const ETC_OF_THE_NETWORK = [
  'resolv.conf',
  'hosts',
  'host.conf',
  'nsswitch.conf',
  'gai.conf',
  'services',
  'protocols',
];

/** Certificates without private keys, the loader's cache, and Debian's JDK, which keeps files it cannot start without in /etc. */
function etc(network: boolean): string[] {
  const jdks = readdirSync('/etc').filter((name) => /^java-\d/.test(name));
  const names = [...ETC, ...jdks, ...(network ? ETC_OF_THE_NETWORK : [])];
  return names.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]);
}
