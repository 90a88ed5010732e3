import picomatch from 'picomatch';

/**
 * No exclusions and no extglobs: a list in a policy only ever adds, so it can be read line by line. Dot files match,
 * for `/home/me/.dotfiles` is a repository like any other.
 */
const OPTIONS = { dot: true, nonegate: true, noextglob: true } as const;

/** A relative segment, plain or percent-encoded: a server may resolve it to a place that the glob never meant. */
const UNSETTLED = /(^|[/\\])\.{1,2}([/\\]|$)|%(2e|2f|5c)/i;

const compiled = new WeakMap<readonly string[], (value: string) => boolean>();

/** Whether a glob stands for anything at all; also for nothing, where the request leaves the field out. */
export function isAny(glob: string): boolean {
  return glob === '*' || glob === '**';
}

/**
 * Whether one of the globs matches the whole value: `*` within a segment, `**` over segments, `{a,b}`, `[a-z]`, `?`;
 * a lone `*` matches anything. Case counts. The list is compiled once and must not change afterwards.
 */
export function matchesAny(globs: readonly string[], value: string): boolean {
  if (UNSETTLED.test(value)) return false;
  let matcher = compiled.get(globs);
  if (!matcher) {
    matcher = picomatch(
      globs.map((glob) => (isAny(glob) ? '**' : glob)),
      OPTIONS,
    );
    compiled.set(globs, matcher);
  }
  return matcher(value);
}

/** As `matchesAny`; `.git` at the end of a remote repository does not count, since hosts take it or leave it. */
export function matchesRepository(globs: readonly string[], repository: string): boolean {
  if (matchesAny(globs, repository)) return true;
  return !repository.startsWith('/') && matchesAny(globs, repository.replace(/\.git$/, ''));
}
