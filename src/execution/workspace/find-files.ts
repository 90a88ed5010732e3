import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { parseGlobs, segmentMatches, type GlobSegments } from './glob.js';

/** A folder with millions of names must not hold the tower. */
const ENTRIES_MAX = 200_000;
/** Deeper paths exceed what the system can open. */
const DEPTH_MAX = 256;

/** Names to compare before other work of the process gets its turn. */
const ENTRIES_PER_TURN = 1_000;

/**
 * The entries of a folder that fit one of the globs, everything but folders: also links and FIFOs, for the caller to
 * refuse by name. Never follows a link, and enters only folders that can hold a match. Sorted, so that the same tree
 * gives the same list.
 *
 * @param globs as parseGlobs reads them
 * @returns paths relative to `root`; `complete` is false when the tree was too large to see all of it
 */
export async function findFiles(
  root: string,
  globs: readonly string[],
  { leaveOut = [], countMax }: { leaveOut?: readonly string[]; countMax: number },
): Promise<{ paths: string[]; complete: boolean }> {
  const parsed = parseGlobs(globs);
  if (!parsed.ok) throw new Error(`Globs that intake should have refused: each ${parsed.reason}`);
  const paths: string[] = [];
  const folders: { path: string; depth: number; rests: GlobSegments[] }[] = [
    { path: '', depth: 0, rests: parsed.globs },
  ];
  let seen = 0;
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    for (const entry of await entriesOf(join(root, folder.path), ENTRIES_MAX - seen)) {
      seen += 1;
      if (seen >= ENTRIES_MAX) return { paths: paths.sort(), complete: false };
      if (seen % ENTRIES_PER_TURN === 0) await setImmediate();
      const path = folder.path === '' ? entry.name : `${folder.path}/${entry.name}`;
      if (leaveOut.includes(path)) continue;
      const rests = advance(folder.rests, entry.name);
      if (entry.isDirectory()) {
        if (rests.some((rest) => rest.length > 0) && folder.depth < DEPTH_MAX)
          folders.push({ path, depth: folder.depth + 1, rests });
      } else if (rests.some(isMatch)) {
        if (paths.length >= countMax) return { paths: paths.sort(), complete: false };
        paths.push(path);
      }
    }
  }
  return { paths: paths.sort(), complete: true };
}

/** What remains of every glob after one more name. Equal remains are kept once, so many `**` cost no more than one. */
function advance(rests: readonly GlobSegments[], name: string): GlobSegments[] {
  const next = new Map<string, GlobSegments>();
  const add = (rest: GlobSegments) => next.set(rest.join('/'), rest);
  const step = (rest: GlobSegments): void => {
    const [head, ...tail] = rest;
    if (head === undefined) return;
    if (head === '**') {
      add(rest);
      step(tail);
    } else if (segmentMatches(head, name)) {
      add(tail);
    }
  };
  for (const rest of rests) step(rest);
  return [...next.values()];
}

function isMatch(rest: GlobSegments): boolean {
  return rest.every((segment) => segment === '**');
}

async function entriesOf(dir: string, countMax: number): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  try {
    for await (const entry of await opendir(dir)) {
      entries.push(entry);
      if (entries.length >= countMax) break;
    }
  } catch (error) {
    // Unreadable or gone: what cannot be listed is not there.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}
