import { findFiles } from '../workspace/find-files.js';
import { readInside } from '../workspace/workspace-file.js';
import { addJunit, emptyJunit, type JunitSummary } from './junit.js';
import { addSarif, emptySarif, type SarifSummary } from './sarif.js';

interface ReportFiles {
  /** Reports that were found and read. */
  files: number;
  /** Reports that were found, but are broken, too large, too many, or not files. */
  unreadable: number;
}

export interface ReportSummaries {
  junit?: JunitSummary & ReportFiles;
  sarif?: SarifSummary & ReportFiles;
}

const REPORTS_MAX = 100;
const REPORT_BYTES_MAX = 16 * 1_048_576;
/** Of all reports of a kind. Parsing holds the process: 16 MiB of XML take 2 s, of a hostile kind 7 s (2 shared cores). */
const TOTAL_BYTES_MAX = 64 * 1_048_576;

export interface ReportRequest {
  /** Real path of the workspace. */
  dir: string;
  globs: { junit?: readonly string[]; sarif?: readonly string[] };
  note: (line: string) => Promise<void>;
}

/** Sums the reports that a command left. A broken one is noted and counted; it is never a reason to fail here. */
export async function readReports({ dir, globs, note }: ReportRequest): Promise<ReportSummaries> {
  const summaries: ReportSummaries = {};
  if (globs.junit) {
    const sum = emptyJunit();
    summaries.junit = {
      ...(await readEach('JUnit', dir, globs.junit, note, (text) => addJunit(sum, text))),
      ...sum,
    };
  }
  if (globs.sarif) {
    const sum = emptySarif();
    summaries.sarif = {
      ...(await readEach('SARIF', dir, globs.sarif, note, (text) => addSarif(sum, text))),
      ...sum,
    };
  }
  return summaries;
}

async function readEach(
  kind: string,
  dir: string,
  globs: readonly string[],
  note: ReportRequest['note'],
  add: (text: string) => boolean,
): Promise<ReportFiles> {
  const found = await findFiles(dir, globs, { countMax: REPORTS_MAX });
  const counts = { files: 0, unreadable: 0 };
  let bytes = 0;
  for (const path of found.paths) {
    const read = await readInside(dir, path, Math.min(REPORT_BYTES_MAX, TOTAL_BYTES_MAX - bytes));
    if (read.ok) bytes += Buffer.byteLength(read.text);
    const reason = !read.ok ? read.reason : add(read.text) ? null : `is not a ${kind} report`;
    counts[reason === null ? 'files' : 'unreadable'] += 1;
    if (reason !== null) await note(`Report ${JSON.stringify(path)} ${reason}.`);
  }
  if (!found.complete) {
    counts.unreadable += 1;
    await note(`There are more than ${REPORTS_MAX} ${kind} reports; the rest is not read.`);
  } else if (found.paths.length === 0) {
    await note(`No ${kind} report was found (${globs.join(', ')}).`);
  }
  return counts;
}
