import { Logger } from '@nestjs/common';
import { createApp, listen } from './app.js';
import { settingsFromEnvironment } from './config/environment.js';
import { ConfigurationError, type Settings } from './config/settings.js';
import { SchemaError } from './database/migrate-schema.js';
import { EXTENSIONS } from './extensions.js';
import { OrchestratorService } from './orchestrator/orchestrator.service.js';

/** EX_CONFIG of sysexits.h: a supervisor should not restart a process that ends with it. */
const EXIT_CONFIGURATION = 78;

async function main(): Promise<void> {
  const settings = settingsFromEnvironment();
  const app = await createApp(settings, EXTENSIONS);
  const orchestrator = app.get(OrchestratorService);
  let stopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (stopping) return orchestrator.hurry();
    stopping = true;
    new Logger('Main').log(`${signal}: stopping; once more to give running tasks back at once`);
    await orchestrator.stop();
    await app.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void stop(signal));
  const url = settings.role === 'worker' ? null : await listen(app, settings);
  announce(settings, url);
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
  const configuration = error instanceof ConfigurationError || error instanceof SchemaError;
  process.stderr.write(`${configuration ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exit(configuration ? EXIT_CONFIGURATION : 1);
});
