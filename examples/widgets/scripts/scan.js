// Scans the text files of the project and writes scan.sarif (SARIF 2.1.0). Whether findings fail the build is decided by
// whoever reads the report, so the exit code is 0 unless the scan itself broke.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findingsOf, RULES } from './rules.js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TEXT = /\.(js|json|md)$/;
const SKIPPED = new Set(['node_modules', 'dist']);

function* textFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith('.') && !SKIPPED.has(entry.name))
      yield* textFiles(path);
    else if (entry.isFile() && TEXT.test(entry.name)) yield path;
  }
}

const results = [];
let files = 0;
for (const path of textFiles(ROOT)) {
  files += 1;
  const uri = relative(ROOT, path);
  for (const { rule, level, message, line } of findingsOf(readFileSync(path, 'utf8'))) {
    console.log(`${level}  ${uri}:${line}  ${message}`);
    results.push({
      ruleId: rule,
      level,
      message: { text: message },
      locations: [{ physicalLocation: { artifactLocation: { uri }, region: { startLine: line } } }],
    });
  }
}

const rules = RULES.map(({ id, level }) => ({ id, defaultConfiguration: { level } }));
const report = {
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [{ tool: { driver: { name: 'widgets-scan', rules } }, results }],
};
writeFileSync(join(ROOT, 'scan.sarif'), `${JSON.stringify(report, null, 2)}\n`);
console.log(`${files} files scanned, ${results.length} ${results.length === 1 ? 'finding' : 'findings'}`);
