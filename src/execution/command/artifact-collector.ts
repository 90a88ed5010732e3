import type { ArtifactRecord, RunLog } from '../../task-types/executor.js';
import { clip } from '../clip.js';
import { findFiles } from '../workspace/find-files.js';
import { openInside } from '../workspace/workspace-file.js';
import { ARTIFACTS_FOLDER, RESERVED_FOLDERS } from './reserved-folders.js';

const FILES_MAX = 1_000;
/** The trace puts folders before and a suffix behind a name; the system allows 255 bytes a part and 4,096 in all. */
const NAME_BYTES_MAX = 1_000;
const PART_BYTES_MAX = 200;
const REFUSALS_NOTED_MAX = 20;

/** Keeps files of one run in its trace. Made for one run, used once. */
export class ArtifactCollector {
  private readonly kept: ArtifactRecord[] = [];
  /** Names and folders that are taken, so that no file comes to stand where a folder is. */
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();
  private bytes = 0;
  private refusals = 0;

  /** @param dir real path of the workspace */
  constructor(
    private readonly dir: string,
    private readonly log: RunLog,
  ) {}

  /**
   * Keeps everything in `$JCT_ARTIFACTS_DIR`, under its name there, and whatever the globs name. What cannot be kept is
   * noted, never a failure.
   */
  async collect(globs: readonly string[]): Promise<ArtifactRecord[]> {
    const own = await findFiles(this.dir, [ARTIFACTS_FOLDER], { countMax: FILES_MAX });
    for (const path of own.paths) await this.keep(path, path.slice(ARTIFACTS_FOLDER.length + 1));
    const named = await findFiles(this.dir, globs, {
      leaveOut: RESERVED_FOLDERS,
      countMax: FILES_MAX,
    });
    for (const path of named.paths) await this.keep(path, path);
    await this.tell(globs, named.paths.length, own.complete && named.complete);
    return this.kept;
  }

  private async keep(path: string, name: string): Promise<void> {
    const wrong = this.refuseName(name);
    if (wrong !== null) return this.refuse(path, wrong);
    const opened = await openInside(this.dir, path);
    if (!opened.ok) return this.refuse(path, opened.reason);
    try {
      const record = await this.log.artifact(name, { fd: opened.handle.fd, size: opened.size });
      if ('refused' in record) return await this.refuse(path, `was refused by the trace. ${record.refused}`);
      this.take(name, opened.size);
      this.kept.push(record);
      await this.log.event('artifact.kept', { ...record });
    } finally {
      await opened.handle.close();
    }
  }

  private take(name: string, size: number): void {
    this.bytes += size;
    this.files.add(name);
    for (const folder of foldersOf(name)) this.folders.add(folder);
  }

  private refuseName(name: string): string | null {
    if (name === '') return 'is not a folder';
    if (this.kept.length >= FILES_MAX) return `is one too many: at most ${FILES_MAX} are kept`;
    if (name.includes('\ufffd')) return 'has a name that is not UTF-8';
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (/[\u0000-\u001f\u007f\\]/.test(name)) return 'has control characters or "\\" in its name';
    const longPart = name.split('/').some((part) => Buffer.byteLength(part) > PART_BYTES_MAX);
    if (longPart || Buffer.byteLength(name) > NAME_BYTES_MAX) return 'has a name that is too long';
    const above = foldersOf(name).some((folder) => this.files.has(folder));
    const taken = above || this.files.has(name) || this.folders.has(name);
    return taken ? 'has the name of an artifact that was kept already' : null;
  }

  private async refuse(path: string, reason: string): Promise<void> {
    this.refusals += 1;
    if (this.refusals > REFUSALS_NOTED_MAX) return;
    const shown = clip(path, 300);
    await this.log.note(`Artifact ${JSON.stringify(shown)} was not kept: it ${reason}.`);
    await this.log.event('artifact.refused', { path: shown, reason });
  }

  private async tell(globs: readonly string[], found: number, complete: boolean): Promise<void> {
    if (this.kept.length > 0)
      await this.log.note(`Artifacts kept: ${this.kept.length} (${this.bytes} bytes).`);
    if (globs.length > 0 && found === 0) await this.log.note(`No artifact was found (${globs.join(', ')}).`);
    if (!complete) await this.log.note(`Not all artifacts were looked at: at most ${FILES_MAX} are kept.`);
    if (this.refusals > REFUSALS_NOTED_MAX) {
      await this.log.note(
        `${this.refusals} artifacts were not kept; the first ${REFUSALS_NOTED_MAX} are named above.`,
      );
    }
  }
}

function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
