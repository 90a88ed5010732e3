/** One alternative of a glob, cut at `/`; `**` stands for any number of folders. */
export type GlobSegments = readonly string[];

export type ParsedGlobs =
  | { ok: true; globs: GlobSegments[] }
  /** Completes the sentence "<property> ...". */
  | { ok: false; reason: string };

const LENGTH_MAX = 512;
const SEGMENTS_MAX = 32;
/** Of a whole list: every one is compared with every name. */
const ALTERNATIVES_MAX = 128;

/**
 * Reads a list of globs: `*` and `?` inside a name, `**` for folders, `{a,b}` for alternatives; a folder means
 * everything in it.
 *
 * Our own, because libraries make a backtracking regular expression of a glob: picomatch needed 26 s for
 * `*a*a*a*a*a*b` against one name of 120 characters, and here both come from outside.
 */
export function parseGlobs(texts: readonly string[]): ParsedGlobs {
  const globs: GlobSegments[] = [];
  for (const text of texts) {
    const alternatives = expandBraces(text);
    const reason = refuseText(text) ?? refuseAlternatives(alternatives);
    if (reason !== null) return { ok: false, reason };
    globs.push(...alternatives!.map(segmentsOf));
  }
  return globs.length > ALTERNATIVES_MAX
    ? { ok: false, reason: `must have at most ${ALTERNATIVES_MAX} alternatives in all` }
    : { ok: true, globs };
}

function refuseText(text: string): string | null {
  if (text.length === 0 || text.length > LENGTH_MAX) return `must have 1 to ${LENGTH_MAX} characters each`;
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f\\]/.test(text) ? 'must not hold control characters or "\\"' : null;
}

function refuseAlternatives(alternatives: readonly string[] | null): string | null {
  if (alternatives === null) return `must have balanced braces and at most ${ALTERNATIVES_MAX} alternatives`;
  if (alternatives.some((each) => each.startsWith('/') || each.split('/').includes('..'))) {
    return 'must be relative and stay inside the workspace: no leading "/", no ".."';
  }
  return alternatives.some((each) => each.split('/').length > SEGMENTS_MAX)
    ? `must have at most ${SEGMENTS_MAX} parts between "/"`
    : null;
}

function segmentsOf(text: string): GlobSegments {
  const parts = text
    .split('/')
    .filter((part, i, all) => part !== '' && part !== '.' && !(part === '**' && all[i - 1] === '**'));
  // A folder that is named means everything in it; `dist/*` does not mean the folders in `dist`.
  return /[*?]/.test(parts.at(-1) ?? '') ? parts : [...parts, '**'];
}

/** The texts that a glob with braces stands for; null when the braces do not match or are too many. */
function expandBraces(glob: string): string[] | null {
  const texts = [glob];
  for (let i = 0; i < texts.length;) {
    const inner = /\{([^{}]*)\}/.exec(texts[i]);
    if (!inner) {
      if (/[{}]/.test(texts[i])) return null;
      i += 1;
      continue;
    }
    const before = texts[i].slice(0, inner.index);
    const after = texts[i].slice(inner.index + inner[0].length);
    texts.splice(i, 1, ...inner[1].split(',').map((choice) => before + choice + after));
    if (texts.length > ALTERNATIVES_MAX) return null;
  }
  return texts;
}

/** Whether a name fits one segment, in time proportional to name × pattern whatever they are. */
export function segmentMatches(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p += 1;
      n += 1;
    } else if (star >= 0) {
      // The last star takes one character more; earlier stars never need to.
      p = star + 1;
      n = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
