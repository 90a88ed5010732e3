import { XMLParser } from 'fast-xml-parser';
import { clip } from '../clip.js';

/** Test results, summed over all reports. */
export interface JunitSummary {
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
  time_seconds: number;
  /** The first 20 tests that failed, as `class > name`. */
  failing: string[];
}

const FAILING_MAX = 20;
const NAME_BYTES_MAX = 200;

type Element = Record<string, unknown>;

// Entities stay as they stand: a report of 1 KB must not grow to gigabytes. Nesting is bounded by the parser (100).
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  processEntities: false,
  parseTagValue: false,
  isArray: (name, _path, _leaf, isAttribute) => !isAttribute && (name === 'testsuite' || name === 'testcase'),
});

export function emptyJunit(): JunitSummary {
  return { tests: 0, failures: 0, errors: 0, skipped: 0, time_seconds: 0, failing: [] };
}

/**
 * Adds the report of one file to the sum. Counts the test cases themselves: writers disagree on whether the numbers of a
 * suite contain those of nested suites.
 *
 * @returns false when it is not a JUnit report; the sum is then as it was
 */
export function addJunit(sum: JunitSummary, xml: string): boolean {
  let root: Element;
  try {
    root = parser.parse(xml, true) as Element;
  } catch {
    return false;
  }
  const suites = elementsOf(root['testsuites'], root['testsuite']);
  if (suites.length === 0) return false;
  for (const suite of suites) addSuite(sum, suite);
  sum.time_seconds = Math.round(sum.time_seconds * 1_000) / 1_000;
  return true;
}

function addSuite(sum: JunitSummary, suite: Element): void {
  for (const inner of elementsOf(suite['testsuite'])) addSuite(sum, inner);
  for (const test of elementsOf(suite['testcase'])) addTest(sum, test);
}

function addTest(sum: JunitSummary, test: Element): void {
  const failed = 'failure' in test;
  const broken = 'error' in test && !failed;
  sum.tests += 1;
  if (failed) sum.failures += 1;
  if (broken) sum.errors += 1;
  if ('skipped' in test) sum.skipped += 1;
  // Some writers group thousands: "1,234.5".
  const seconds = Number(textOf(test['time']).replaceAll(',', ''));
  if (seconds > 0 && Number.isFinite(seconds)) sum.time_seconds += seconds;
  if ((failed || broken) && sum.failing.length < FAILING_MAX) {
    const name = [test['classname'], test['name']]
      .map(textOf)
      .filter((part) => part !== '')
      .join(' > ');
    sum.failing.push(clip(unescape(name), NAME_BYTES_MAX));
  }
}

/** Elements without attributes and content are parsed as empty strings: they count, too. */
function elementsOf(...values: unknown[]): Element[] {
  return values
    .flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value]))
    .map((value) => (typeof value === 'object' && value !== null ? (value as Element) : {}));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const PREDEFINED: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescape(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => PREDEFINED[name]);
}
