import { isId } from '../common/ids.js';

/** What names a trace folder: the task and which of its runs. */
export interface TraceTask {
  id: string;
  createdAt: Date;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const RUN = /^run-([1-9]\d{0,8})$/;

/** The UTC day of creation, `2026-11-22`. */
export function dateFolder(createdAt: Date): string {
  return createdAt.toISOString().slice(0, 10);
}

/** `2026-11-22/<task id>/run-1`: relative to the trace root; what the API calls `trace_path`. */
export function tracePath({ id, createdAt }: TraceTask, attempt: number): string {
  const path = `${dateFolder(createdAt)}/${id}/run-${attempt}`;
  if (!isTracePath(path)) throw new Error(`No trace folder can be named ${path}`);
  return path;
}

export function isTracePath(path: string): boolean {
  const slash = path.lastIndexOf('/');
  return isTaskPath(path.slice(0, slash)) && runNumber(path.slice(slash + 1)) !== undefined;
}

/** Whether this is `<date>/<task id>`. */
export function isTaskPath(path: string): boolean {
  const [date, id, ...more] = path.split('/');
  return more.length === 0 && isDateFolder(date) && isId(id ?? '');
}

export function isDateFolder(name: string): boolean {
  return DATE.test(name);
}

/** The n of `run-n`; undefined when the name is not of that form. */
export function runNumber(name: string): number | undefined {
  const digits = RUN.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Whether a name stays inside the folder that it is relative to, whoever sent it: no empty, `.` or `..` segment, no absolute
 * path, no NUL, no backslash, and within the limits of every file system.
 */
export function isInnerPath(path: string): boolean {
  if (Buffer.byteLength(path) > 1_024 || /[\0\\]/.test(path)) return false;
  return path
    .split('/')
    .every((name) => name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255);
}
