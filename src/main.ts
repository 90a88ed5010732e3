import { type INestApplication, Logger } from '@nestjs/common';
import { createApp, start } from './app.js';
import { settingsFromEnvironment } from './config/environment.js';
import { ConfigurationError, type Settings } from './config/settings.js';
import { SchemaError } from './database/migrate-schema.js';
import { DatabaseFileError } from './database/sqlite-file.js';
import { EXTENSIONS } from './extensions.js';
import { OrchestratorService } from './orchestrator/orchestrator.service.js';

/** EX_CONFIG of sysexits.h: a supervisor should not restart a process that ends with it. */
const EXIT_CONFIGURATION = 78;
/** Anything else went wrong: a supervisor should start the tower again. */
const EXIT_FAILURE = 1;

async function main(): Promise<void> {
  const settings = settingsFromEnvironment();
  process.on('uncaughtException', endOnUnexpected);
  const app = await createApp(settings, EXTENSIONS);
  // Nothing has been claimed yet: before this a signal ends the process at once.
  const starting = start(app, settings);
  stopOnSignals(app, starting);
  announce(settings, await starting);
}

/** What the process has begun to run when it is told to stop, also in the middle of its start, ends or is given back. */
function stopOnSignals(app: INestApplication, starting: Promise<unknown>): void {
  const orchestrator = app.get(OrchestratorService);
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    const again = stopping;
    stopping = true;
    if (!again) new Logger('Main').log(`${signal}: stopping; once more to give running tasks back at once`);
    await starting;
    if (again) return orchestrator.hurry();
    await orchestrator.stop();
    await app.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop(signal));
}

/**
 * An error that nobody catches, such as one that an executor throws in a callback, leaves a process of which nobody knows
 * what it still does. It ends at once; when its leases run out, other workers run what it ran.
 */
function endOnUnexpected(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  new Logger('Main').fatal(
    `${origin}: ${name}: ${message}. This process ends; what it ran is run again when its leases have run out`,
    stack,
  );
  process.exit(EXIT_FAILURE);
}

/** Says where everything is, in the words of the settings that move it. */
function announce(settings: Settings, url: string | null): void {
  const logger = new Logger('Main');
  if (url !== null) {
    logger.log(`API ${url}   documentation ${url}/docs   OpenAPI ${url}/openapi.json`);
    const key =
      settings.apiKeyFile === undefined
        ? 'no key needed, this machine only'
        : `key in ${settings.apiKeyFile}`;
    logger.log(`Access: ${key}`);
  }
  const database = settings.databaseUrl.startsWith('sqlite')
    ? settings.databaseUrl
    : 'PostgreSQL (DATABASE_URL)';
  logger.log(`Database ${database}   traces ${settings.traceRoot}   workspaces ${settings.workspaceRoot}`);
}

main().catch((error: unknown) => {
  const configuration = [ConfigurationError, SchemaError, DatabaseFileError].some(
    (kind) => error instanceof kind,
  );
  process.stderr.write(
    `${configuration ? (error as Error).message : String((error as Error).stack ?? error)}\n`,
  );
  process.exit(configuration ? EXIT_CONFIGURATION : EXIT_FAILURE);
});
