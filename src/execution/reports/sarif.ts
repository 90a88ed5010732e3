import type { Log, Result, Run } from 'sarif';
import { clip } from '../clip.js';

export type FindingLevel = 'error' | 'warning' | 'note';

export interface Finding {
  level: FindingLevel;
  rule: string;
  message: string;
  /** As the scanner names it; null when the finding has no place. */
  file: string | null;
  line: number | null;
}

/** Findings, summed over all reports. Suppressed ones and results that are no finding (`pass`, ...) do not count. */
export interface SarifSummary {
  error: number;
  warning: number;
  note: number;
  suppressed: number;
  /** The first 20, the most severe first. */
  findings: Finding[];
}

const FINDINGS_MAX = 20;
const LEVELS: readonly FindingLevel[] = ['error', 'warning', 'note'];

export function emptySarif(): SarifSummary {
  return { error: 0, warning: 0, note: 0, suppressed: 0, findings: [] };
}

/**
 * Adds the report of one file to the sum. Tolerant of what scanners leave out, as SARIF 2.1.0 tells how to fill it in.
 *
 * @returns false when it is not a SARIF report; the sum is then as it was
 */
export function addSarif(sum: SarifSummary, json: string): boolean {
  let log: Partial<Log> | null;
  try {
    log = JSON.parse(json) as Partial<Log> | null;
  } catch {
    return false;
  }
  if (typeof log !== 'object' || log === null || !Array.isArray(log.runs)) return false;
  for (const run of objects(log.runs)) {
    const levels = levelsOfRules(run);
    for (const result of objects(run.results)) addResult(sum, result, levels);
  }
  sum.findings.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
  sum.findings.splice(FINDINGS_MAX);
  return true;
}

function addResult(sum: SarifSummary, result: Result, levels: ReadonlyMap<string, string>): void {
  const rule = textOf(result.ruleId) || textOf(result.rule?.id);
  const level = levelOf(
    result,
    levels.get(rule) ?? levels.get(String(result.ruleIndex ?? result.rule?.index)),
  );
  if (level === null) return;
  if (objects(result.suppressions).some(({ status }) => status === undefined || status === 'accepted')) {
    sum.suppressed += 1;
    return;
  }
  sum[level] += 1;
  // More of one level are never shown; other levels may still come and go before them.
  if (sum.findings.filter((finding) => finding.level === level).length >= FINDINGS_MAX) return;
  const place = objects(result.locations)[0]?.physicalLocation;
  const file = textOf(place?.artifactLocation?.uri);
  const line = place?.region?.startLine;
  sum.findings.push({
    level,
    rule: clip(rule, 100),
    message: clip(textOf(result.message?.text) || textOf(result.message?.markdown), 200),
    file: file === '' ? null : clip(file, 200),
    line: typeof line === 'number' ? line : null,
  });
}

/** SARIF 2.1.0, 3.27.10: `kind` other than `fail` has no level; else the result's own, else its rule's, else `warning`. */
function levelOf(result: Result, ofRule: string | undefined): FindingLevel | null {
  if (result.kind !== undefined && result.kind !== 'fail') return null;
  const level = result.level ?? ofRule ?? 'warning';
  return LEVELS.find((each) => each === level) ?? null;
}

/** Default levels by the rule's id and by its index. */
function levelsOfRules(run: Run): Map<string, string> {
  const levels = new Map<string, string>();
  objects(run.tool?.driver?.rules).forEach((rule, index) => {
    const level = rule.defaultConfiguration?.level;
    if (typeof level !== 'string') return;
    levels.set(String(index), level);
    levels.set(rule.id, level);
  });
  return levels;
}

/** The members of a list that may not be one. */
function objects<T extends object>(list: readonly T[] | null | undefined): T[] {
  return Array.isArray(list)
    ? (list as readonly T[]).filter((each) => typeof each === 'object' && each !== null)
    : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
