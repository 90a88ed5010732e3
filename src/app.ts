import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { AppModule } from './app.module.js';
import { apiKey, requireKey, requireLocalHost } from './auth/api-key.js';
import { ProcessLog } from './common/process-log.js';
import type { Settings } from './config/settings.js';
import { jsonBody } from './http/json-body.js';
import { ProblemFilter } from './http/problem.filter.js';
import { requestContext } from './http/request-context.js';
import { answerUnreadable } from './http/unreadable-request.js';
import { validationPipe } from './http/validation.js';
import { OrchestratorService } from './orchestrator/orchestrator.service.js';
import { serveDocs } from './openapi/serve-docs.js';

/** Bounds on slow clients; Node's defaults are 60 s and 300 s. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const SLOW_CLIENTS_CHECK_MS = 2_000;

/** The tower, wired and ready; no request is served and no task claimed before `start`. */
export async function createApp(
  settings: Settings,
  extensions: Type[] = [],
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(settings, extensions), {
    bodyParser: false,
    abortOnError: false,
    // Readers of live logs stay connected for as long as they like; closing does not wait for them.
    forceCloseConnections: true,
    logger: new ProcessLog(settings),
  });
  app.disable('x-powered-by');
  app.use(requestContext);
  // No HSTS, no upgrade to https: whether there is TLS is the business of the proxy in front.
  app.use(
    helmet({
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
    }),
  );
  app.use(settings.apiKeyFile === undefined ? requireLocalHost : requireKey(apiKey(settings.apiKeyFile)));
  app.use(...jsonBody());
  app.useGlobalPipes(validationPipe);
  app.useGlobalFilters(new ProblemFilter());
  serveDocs(app);
  await app.init();
  return app;
}

/**
 * Opens the port, then begins to work: a tower whose port is taken has claimed nothing.
 *
 * @returns the address under which clients on this machine reach the tower; null for a role without an API
 */
export async function start(app: NestExpressApplication, settings: Settings): Promise<string | null> {
  const url = settings.role === 'worker' ? null : await listen(app, settings);
  await app.get(OrchestratorService).start();
  return url;
}

async function listen(app: NestExpressApplication, settings: Settings): Promise<string> {
  const server = app.getHttpServer();
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  // Read when the server begins to listen. By default Node looks for slow clients every 30 s only.
  Object.assign(server, { connectionsCheckingInterval: SLOW_CLIENTS_CHECK_MS });
  server.on('clientError', answerUnreadable);
  await app.listen(settings.apiPort, settings.apiHost);
  return app.getUrl();
}
