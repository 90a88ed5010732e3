import { readFileSync } from 'node:fs';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { Application } from 'express';
import { packageFile } from '../common/version.js';
import { openApiDocument } from './document.js';

/** `/openapi.json`, Swagger UI at `/docs`, and the page to which the `type` of a problem points. */
export function serveDocs(app: NestExpressApplication): void {
  let document: OpenAPIObject | undefined;
  // Made at the first request: it costs 50 ms that a start should not wait for.
  const makeDocument = (): OpenAPIObject => (document ??= openApiDocument(app));
  (app.getHttpAdapter().getInstance() as Application).get('/docs/errors.md', (_request, response) => {
    response.type('text/markdown; charset=utf-8').send(readFileSync(packageFile('docs/errors.md')));
  });
  SwaggerModule.setup('docs', app, makeDocument, {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
  });
}
