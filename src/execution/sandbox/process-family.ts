import { ownerOf, type ProcessEntry, readProcessTable } from './process-table.js';

export interface FamilyMarks {
  /** The process that was started; null: only the marks are known. */
  root: number | null;
  /** Whether a process bears the mark that every process of the run was started with. */
  isMarked: (pid: number) => boolean;
  /** The uid that only this run has, if it has one. */
  ownUid: number | null;
  /** The root and its child are bwrap's own processes: not the command's. */
  wrapped: boolean;
}

/**
 * All processes of a run, also those that left its session and were adopted by init (`setsid`, double fork): whoever was
 * once seen as a descendant, shares the session, bears the mark, or has the run's uid.
 */
export class ProcessFamily {
  private readonly known = new Map<number, string>();

  constructor(private readonly marks: FamilyMarks) {
    const root = marks.root === null ? undefined : readProcessTable()?.get(marks.root);
    if (root) this.known.set(root.pid, root.startTicks);
  }

  /**
   * @param thorough also look for the marks: reads two more files for every process of the host
   * @returns the living members; null where there is no /proc
   */
  members(thorough: boolean): ProcessEntry[] | null {
    const table = readProcessTable();
    if (table === null) return null;
    table.delete(process.pid);
    const children = new Map<number, ProcessEntry[]>();
    for (const entry of table.values()) {
      const siblings = children.get(entry.parent);
      if (siblings) siblings.push(entry);
      else children.set(entry.parent, [entry]);
    }
    // A set is iterated in the order of insertion, with what is added on the way: the descendants, however deep.
    const found = new Set([...table.values()].filter((entry) => this.belongs(entry, thorough)));
    for (const entry of found) children.get(entry.pid)?.forEach((child) => found.add(child));
    this.known.clear();
    for (const entry of found) this.known.set(entry.pid, entry.startTicks);
    return [...found];
  }

  /** Those members that are the command's, not the sandbox's. */
  payload(members: readonly ProcessEntry[]): ProcessEntry[] {
    const { root, wrapped } = this.marks;
    return wrapped ? members.filter(({ pid, parent }) => pid !== root && parent !== root) : [...members];
  }

  /** Sends the signal to each of them. @returns how many were there to receive it */
  signal(members: readonly ProcessEntry[], signal: NodeJS.Signals): number {
    return members.filter(({ pid }) => send(pid, signal)).length;
  }

  /**
   * Kills the process groups of the run's session, each at once: what is forking meanwhile dies too. Without members: the
   * group of the root, which needs no look at the host first (with a fork bomb that takes seconds).
   */
  killGroups(members: readonly ProcessEntry[] = []): void {
    const { root } = this.marks;
    if (root === null) return;
    const groups = members.filter(({ session }) => session === root).map(({ group }) => group);
    for (const group of new Set(members.length === 0 ? [root] : groups)) send(-group, 'SIGKILL');
  }

  /** Where processes cannot be listed: the group of the root is all that can be reached. */
  terminateGroup(): void {
    if (this.marks.root !== null) send(-this.marks.root, 'SIGTERM');
  }

  private belongs(entry: ProcessEntry, thorough: boolean): boolean {
    if (this.known.get(entry.pid) === entry.startTicks || entry.session === this.marks.root) return true;
    if (!thorough) return false;
    const { ownUid, isMarked } = this.marks;
    return (ownUid !== null && ownerOf(entry.pid) === ownUid) || isMarked(entry.pid);
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // gone meanwhile
  }
}
