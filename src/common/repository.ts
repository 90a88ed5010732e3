import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Why a text was refused. The text itself is not repeated: it may hold a password. */
export interface Refusal {
  ok: false;
  /** Stable UPPER_SNAKE code for `errors[].code`. */
  code: string;
  message: string;
}

export interface Repository {
  kind: 'https' | 'http' | 'ssh' | 'local';
  /** What git is given. The user name of ssh is the only credential that it can hold. */
  url: string;
  /** What people, rules and the trace are shown. */
  display: string;
  /** Lower case, without the port; null for a local repository. */
  host: string | null;
  /** Local: the absolute path, `..` resolved. Else the path at the host, without the leading `/` and `.git`. */
  path: string;
}

const MAX_LENGTH = 2_048;
const HOST = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/;
const SSH_URL = /^ssh:\/\/(?:([A-Za-z0-9_][A-Za-z0-9._-]*)@)?([^/:@[\]]+|\[[^/@\]]+\])(:\d{1,5})?\/(.+)$/i;
const SCP_FORM = /^([A-Za-z0-9_][A-Za-z0-9._-]*)@([^/:@[\]]+):(?!-)(.+)$/;
const OWNER_NAME = /^([A-Za-z0-9][A-Za-z0-9-]{0,38})\/([A-Za-z0-9._-]{1,100}?)(?:\.git)?$/;
/** git decodes percent signs of ssh and file URLs after it has checked them, so control characters hide there. */
const ENCODED_CONTROL = /%(?:[01][0-9a-f]|7f)/i;

/**
 * Reads `target.repository`: https, http (for policy to judge), `ssh://`, `git@host:path`, `file:///path`, an absolute
 * path, or `owner/name` at GitHub. Pure: nothing is resolved, contacted or looked up.
 */
export function parseRepository(text: string): { ok: true; repository: Repository } | Refusal {
  const refusal = refuseText(text);
  if (refusal) return refusal;
  const repository =
    fromWebUrl(text) ?? fromSsh(text) ?? fromLocal(text) ?? fromOwnerName(text) ?? unreadable(text);
  return 'ok' in repository ? repository : { ok: true, repository };
}

function refuseText(text: string): Refusal | null {
  if (text.length === 0 || text.length > MAX_LENGTH) {
    return refuse('REPOSITORY_LENGTH', `A repository has 1 to ${MAX_LENGTH} characters.`);
  }
  if (text.startsWith('-')) return refuse('REPOSITORY_OPTION', 'A repository must not start with "-".');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\s\\\u0000-\u001f\u007f-\u009f]/.test(text) || ENCODED_CONTROL.test(text)) {
    return refuse(
      'REPOSITORY_CHARACTERS',
      'A repository must not hold white space, control characters or "\\".',
    );
  }
  // `ext::sh -c ...` makes git run a command.
  if (/^[A-Za-z0-9+.-]*::/.test(text)) {
    return refuse('REPOSITORY_TRANSPORT', 'Transport helpers ("name::address") are not supported.');
  }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[^/?#@]*@/i.test(text) || /^https?:\/\/[^/?#]*@/i.test(text)) {
    return refuse(
      'REPOSITORY_CREDENTIALS',
      'A repository must not hold a password or token: take it out, and use ssh with a deploy key.',
    );
  }
  return null;
}

function fromWebUrl(text: string): Repository | Refusal | null {
  const kind = /^(https?):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (kind !== 'https' && kind !== 'http') return null;
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const plain = url.search === '' && url.hash === '' && !/[?#]/.test(text);
  if (!plain || !HOST.test(url.hostname) || url.pathname === '/') return null;
  return { kind, url: url.href, display: url.href, host: url.hostname, path: pathAtHost(url.pathname) };
}

function fromSsh(text: string): Repository | null {
  const url = SSH_URL.exec(text);
  const scp = url ? null : SCP_FORM.exec(text);
  const host = (url?.[2] ?? scp?.[2])?.toLowerCase();
  const path = url?.[4] ?? scp?.[3];
  if (host === undefined || path === undefined || !HOST.test(host)) return null;
  const user = url?.[1] ?? scp?.[1];
  const canonical = url
    ? `ssh://${user ? `${user}@` : ''}${host}${url[3] ?? ''}/${path}`
    : `${user}@${host}:${path}`;
  return { kind: 'ssh', url: canonical, display: canonical, host, path: pathAtHost(path) };
}

function fromLocal(text: string): Repository | null {
  const path = text.startsWith('/') ? text : /^file:\/\/\//i.test(text) ? localPath(text) : null;
  if (path === null) return null;
  const normal = posix.normalize(path).replace(/\/$/, '');
  if (normal === '') return null;
  // `file://`, because for a bare path git copies the object store and ignores --depth.
  const url = `file://${normal.replaceAll('%', '%25')}`;
  return { kind: 'local', url, display: normal, host: null, path: normal };
}

function localPath(url: string): string | null {
  try {
    return fileURLToPath(url);
  } catch {
    return null;
  }
}

function fromOwnerName(text: string): Repository | null {
  const [, owner, name] = OWNER_NAME.exec(text) ?? [];
  if (owner === undefined || name === undefined || /^\.{1,2}$/.test(name)) return null;
  const url = `https://github.com/${owner}/${name}.git`;
  return { kind: 'https', url, display: url, host: 'github.com', path: `${owner}/${name}` };
}

function unreadable(text: string): Refusal {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  return scheme !== undefined && !['https', 'http', 'ssh', 'file'].includes(scheme)
    ? refuse('REPOSITORY_TRANSPORT', 'Only https, ssh and local repositories are supported.')
    : refuse(
        'REPOSITORY_FORM',
        'A repository is https://host/path, ssh://host/path, git@host:path, owner/name, or an absolute local path.',
      );
}

function pathAtHost(path: string): string {
  return path
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
}

/** Checks a branch, tag, full reference name or full commit id (40 or 64 hexadecimal digits), as `git check-ref-format` does. */
export function checkRef(ref: string): { ok: true; commit: boolean } | Refusal {
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(ref)) return { ok: true, commit: true };
  if (ref.length === 0 || Buffer.byteLength(ref) > 255) {
    return refuse('REF_LENGTH', 'A ref has 1 to 255 bytes.');
  }
  if (ref.startsWith('-')) return refuse('REF_OPTION', 'A ref must not start with "-".');
  const wrong =
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|^@$/.test(ref) ||
    ref.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'));
  return wrong
    ? refuse(
        'REF_FORM',
        'A ref is the name of a branch or tag, or a full commit id of 40 hexadecimal digits.',
      )
    : { ok: true, commit: false };
}

/** Checks a path inside a workspace; `path` is its normal form, `.` for the top. */
export function checkPath(text: string): { ok: true; path: string } | Refusal {
  if (Buffer.byteLength(text) > 1_024) return refuse('PATH_LENGTH', 'A path has at most 1,024 bytes.');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(text)) {
    return refuse('PATH_CHARACTERS', 'A path must not hold control characters or "\\".');
  }
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (text.startsWith('/') || parts.includes('..')) {
    return refuse(
      'PATH_OUTSIDE',
      'A path is relative and stays inside the workspace: no leading "/", no "..".',
    );
  }
  if (parts.some((part) => part.toLowerCase() === '.git')) {
    return refuse('PATH_GIT', 'A path must not lead into ".git".');
  }
  return { ok: true, path: parts.join('/') || '.' };
}

function refuse(code: string, message: string): Refusal {
  return { ok: false, code, message };
}
