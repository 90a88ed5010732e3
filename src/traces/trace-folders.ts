import type { Dirent } from 'node:fs';
import { opendir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderInside, present } from './safe-file.js';
import { dateFolder, isDateFolder, isTaskPath, runNumber } from './trace-path.js';
import { isId } from '../common/ids.js';

/** All traces of one task. */
export interface TaskFolder {
  taskId: string;
  /** `<date>/<task id>`, relative to the trace root. */
  path: string;
  /** UTC day of the task's creation, `2026-11-22`. */
  date: string;
}

export interface RunFolder extends TaskFolder {
  /** `<date>/<task id>/run-<n>`. */
  path: string;
  attempt: number;
}

/**
 * Folders of tasks in no particular order, one at a time however many there are; links and foreign names are skipped.
 *
 * @param root real path
 * @param beforeDate only tasks created on an earlier UTC day
 */
export async function* taskFolders(root: string, beforeDate?: Date): AsyncGenerator<TaskFolder> {
  const before = beforeDate && dateFolder(beforeDate);
  for await (const date of folderNames(root)) {
    if (!isDateFolder(date) || (before !== undefined && date >= before)) continue;
    for await (const taskId of folderNames(join(root, date))) {
      if (isId(taskId)) yield { taskId, path: `${date}/${taskId}`, date };
    }
  }
}

export async function* runFolders(root: string): AsyncGenerator<RunFolder> {
  for await (const task of taskFolders(root)) {
    for await (const name of folderNames(join(root, task.path))) {
      const attempt = runNumber(name);
      if (attempt !== undefined) yield { ...task, path: `${task.path}/${name}`, attempt };
    }
  }
}

/**
 * Deletes `<date>/<task id>` below `root` (a real path), and the day when that was its last. Links inside are removed,
 * never followed.
 *
 * @returns false when there is no such folder inside the root; nothing is deleted then
 */
export async function removeTaskFolder(root: string, path: string): Promise<boolean> {
  if (!isTaskPath(path)) return false;
  const folder = await folderInside(root, path);
  if (folder === undefined) return false;
  await rm(folder, { recursive: true, force: true });
  await rmdir(dirname(folder)).catch(() => undefined); // not empty: other tasks of the day
  return true;
}

async function* folderNames(folder: string): AsyncGenerator<string> {
  const entries: AsyncIterable<Dirent> | undefined = await present(opendir(folder));
  if (!entries) return;
  for await (const entry of entries) if (entry.isDirectory()) yield entry.name;
}
