import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { addJunit, emptyJunit } from './junit.js';
import { readReports, type ReportSummaries } from './read-reports.js';
import { addSarif, emptySarif } from './sarif.js';

const SUREFIRE = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="com.example.AppTest" tests="4" errors="1" skipped="1" failures="1" time="1.5">
  <testcase name="works" classname="com.example.AppTest" time="0.5"/>
  <testcase name="a &lt; b &amp; c" classname="com.example.AppTest" time="1,000.25"><failure message="no" type="x">trace</failure></testcase>
  <testcase name="breaks" classname="com.example.AppTest" time="0.25"><error message="boom"/></testcase>
  <testcase name="later" classname="com.example.AppTest" time="0"><skipped/></testcase>
</testsuite>`;

const NESTED = `<testsuites tests="99"><testsuite name="outer" tests="3"><testsuite name="inner">
  <testcase name="one"/><testcase name="two"><failure><![CDATA[<x>]]></failure></testcase>
</testsuite><testcase/></testsuite><testsuite name="empty"/></testsuites>`;

describe('a JUnit report', () => {
  it('is summed from its test cases, nested suites included, once each', () => {
    const sum = emptyJunit();
    expect([addJunit(sum, SUREFIRE), addJunit(sum, NESTED)]).toEqual([true, true]);
    expect(sum).toEqual({
      tests: 7,
      failures: 2,
      errors: 1,
      skipped: 1,
      time_seconds: 1_001,
      failing: ['com.example.AppTest > a < b & c', 'com.example.AppTest > breaks', 'two'],
    });
  });

  it('may be of a run without tests', () => {
    expect(addJunit(emptyJunit(), '<testsuites/>')).toBe(true);
  });

  it.each([
    ['not XML', 'hello'],
    ['empty', ''],
    ['cut off', SUREFIRE.slice(0, 300)],
    ['another format', '<checkstyle/>'],
    ['nested without end', '<testsuite>'.repeat(50_000)],
    ['nested too deep', '<testsuite>'.repeat(5_000) + '</testsuite>'.repeat(5_000)],
    ['with names that would reach prototypes', '<__proto__><testsuite/></__proto__>'],
  ])('is refused when it is %s, and the sum stays', (_what, xml) => {
    const sum = emptyJunit();
    expect(addJunit(sum, xml)).toBe(false);
    expect(sum).toEqual(emptyJunit());
    expect(({} as Record<string, unknown>)['testsuite']).toBeUndefined();
  });

  it('does not expand entities: neither a billion laughs nor a file', () => {
    const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join(
      '',
    );
    const xml =
      `<!DOCTYPE testsuite [<!ENTITY l0 "ha">${laughs}<!ENTITY f SYSTEM "file:///etc/passwd">]>` +
      '<testsuite><testcase name="&l9;&f;"><failure/></testcase></testsuite>';
    const sum = emptyJunit();
    addJunit(sum, xml);
    expect(sum.failing.join('')).not.toMatch(/haha|root:/);
  });

  it('names at most 20 failing tests, each cut, without line breaks', () => {
    const name = `a&#10;\n${'x'.repeat(1_000)}`;
    const sum = emptyJunit();
    addJunit(sum, `<testsuite>${`<testcase name="${name}"><failure/></testcase>`.repeat(30)}</testsuite>`);
    expect([sum.failures, sum.failing.length]).toEqual([30, 20]);
    expect(Math.max(...sum.failing.map((each) => Buffer.byteLength(each)))).toBeLessThanOrEqual(200);
    expect(sum.failing.join('')).not.toContain('\n');
  });
});

function sarif(...results: object[]): string {
  const rules = [
    { id: 'R0', defaultConfiguration: { level: 'error' } },
    { id: 'R1', defaultConfiguration: { level: 'note' } },
    { id: 'R2' },
  ];
  return JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name: 't', rules } }, results }] });
}

function place(uri: string, startLine: number) {
  return [{ physicalLocation: { artifactLocation: { uri }, region: { startLine } } }];
}

describe('a SARIF report', () => {
  it('takes the level from the result, else from its rule, else `warning`', () => {
    const sum = emptySarif();
    const ok = addSarif(
      sum,
      sarif(
        { ruleId: 'R0', level: 'note', message: { text: 'own' } },
        { ruleId: 'R0', message: { text: 'by id' }, locations: place('src/a.ts', 3) },
        { ruleIndex: 1, message: { text: 'by index' } },
        { ruleId: 'R2', message: { text: 'default' } },
        { rule: { id: 'R0' }, message: {} },
        { ruleId: 'R0', level: 'none', message: { text: 'none' } },
        { ruleId: 'R0', kind: 'pass', message: { text: 'passed' } },
        { ruleId: 'R0', message: { text: 'known' }, suppressions: [{ kind: 'inSource' }] },
        {
          ruleId: 'R0',
          message: { text: 'asked' },
          suppressions: [{ kind: 'external', status: 'rejected' }],
        },
      ),
    );
    expect(ok).toBe(true);
    expect(sum).toMatchObject({ error: 3, warning: 1, note: 2, suppressed: 1 });
    expect(sum.findings[0]).toEqual({
      level: 'error',
      rule: 'R0',
      message: 'by id',
      file: 'src/a.ts',
      line: 3,
    });
    expect(sum.findings.map((finding) => finding.level)).toEqual([
      'error',
      'error',
      'error',
      'warning',
      'note',
      'note',
    ]);
  });

  it('shows the 20 most severe findings, whichever file they come from', () => {
    const sum = emptySarif();
    const many = (level: string) =>
      Array.from({ length: 30 }, (_, i) => ({ level, message: { text: `${level} ${i}` } }));
    addSarif(sum, sarif(...many('note'), ...many('warning').slice(0, 5)));
    addSarif(sum, sarif(...many('error').slice(0, 10)));
    expect([sum.error, sum.warning, sum.note]).toEqual([10, 5, 30]);
    const levels = sum.findings.map((finding) => finding.level);
    expect(levels).toEqual([
      ...Array<string>(10).fill('error'),
      ...Array<string>(5).fill('warning'),
      ...Array<string>(5).fill('note'),
    ]);
  });

  it.each(['', 'null', '[]', '{}', '"x"', '{"runs":{}}', '{"runs":[', '{"runs":'.repeat(100_000)])(
    'is refused when it is %.20s',
    (json) => {
      const sum = emptySarif();
      expect(addSarif(sum, json)).toBe(false);
      expect(sum).toEqual(emptySarif());
    },
  );

  it.each([
    '{"runs":[]}',
    '{"runs":[null,1,{},{"results":null},{"results":[null,1]}]}',
    '{"runs":[{"tool":{"driver":{"rules":[null,{"id":5}]}},"results":[{"message":5,"locations":[{}],"suppressions":{}}]}]}',
    '{"runs":[{"tool":null,"results":[{"ruleId":7,"level":9,"locations":[{"physicalLocation":{"region":{"startLine":"x"}}}]}]}]}',
  ])('may leave out or misspell anything else: %s', (json) => {
    expect(addSarif(emptySarif(), json)).toBe(true);
  });
});

describe('readReports', () => {
  let root: string;
  let notes: string[];
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'jct-reports-')));
    notes = [];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  function read(globs: { junit?: string[]; sarif?: string[] }): Promise<ReportSummaries> {
    return readReports({
      dir: root,
      globs,
      note: (line) => {
        notes.push(line);
        return Promise.resolve();
      },
    });
  }

  it('sums what the globs name and notes and counts what it cannot read', async () => {
    write('r/a.xml', `\ufeff${SUREFIRE}`);
    write('r/sub/b.xml', NESTED);
    write('r/broken.xml', '<testsuite>');
    write('r/huge.xml', '');
    truncateSync(join(root, 'r/huge.xml'), 16 * 1_048_576 + 1);
    symlinkSync('/etc/passwd', join(root, 'r/link.xml'));
    write('s.sarif', sarif({ level: 'error', message: { text: 'x' } }));
    const summaries = await read({ junit: ['r/**/*.xml'], sarif: ['*.sarif'] });
    expect(summaries.junit).toMatchObject({ files: 2, unreadable: 3, tests: 7, failures: 2 });
    expect(summaries.sarif).toMatchObject({ files: 1, unreadable: 0, error: 1 });
    expect(notes.sort()).toEqual([
      'Report "r/broken.xml" is not a JUnit report.',
      'Report "r/huge.xml" is larger than 16777216 bytes.',
      'Report "r/link.xml" is a symbolic link.',
    ]);
  });

  it('says when there is none, and says nothing of kinds nobody asked for', async () => {
    expect(await read({ junit: ['x.xml'] })).toEqual({ junit: { files: 0, unreadable: 0, ...emptyJunit() } });
    expect(notes).toEqual(['No JUnit report was found (x.xml).']);
  });

  it('counts what exceeds 100 reports as unread', async () => {
    for (let i = 0; i < 101; i += 1) write(`${i}.xml`, '<testsuite><testcase/></testsuite>');
    expect((await read({ junit: ['*.xml'] })).junit).toMatchObject({ files: 100, unreadable: 1, tests: 100 });
  });
});
