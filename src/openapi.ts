import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from './app.js';
import { readSettings } from './config/settings.js';
import { EXTENSIONS } from './extensions.js';
import { openApiDocument } from './openapi/document.js';

/**
 * `node dist/src/openapi.js [--check] <file>`: writes the OpenAPI document, or compares it with the file and exits with 1
 * when they differ. From dist only: the Swagger plugin works at compile time.
 */
const [file, check] = process.argv
  .slice(2)
  .sort((a, b) => Number(a.startsWith('--')) - Number(b.startsWith('--')));
if (file === undefined) throw new Error('usage: openapi.js [--check] <file>');

// An API that works on nothing: the document needs its routes only.
const folder = mkdtempSync(join(tmpdir(), 'jct-openapi-'));
const app = await createApp(
  readSettings({
    DATABASE_URL: `sqlite:///${join(folder, 'empty.db')}`,
    JCT_ROLE: 'api',
    JCT_TRACE_ROOT: join(folder, 'traces'),
    JCT_WORKSPACE_ROOT: join(folder, 'workspaces'),
    JCT_WEBHOOK_SECRET_FILE: join(folder, 'webhook-secret'),
    LOG_LEVEL: 'warn',
  }),
  EXTENSIONS,
);
const text = `${JSON.stringify(openApiDocument(app), null, 2)}\n`;
await app.close();
rmSync(folder, { recursive: true, force: true });

if (check === undefined) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(`${file} is not what the code says: run npm run openapi and commit it.\n`);
  process.exitCode = 1;
}
