import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApp, start } from '../../src/app.js';
import { readSettings } from '../../src/config/settings.js';
import { OrchestratorService } from '../../src/orchestrator/orchestrator.service.js';
import { ApiClient } from './api-client.js';
import { towerEnvironment } from './tower-environment.js';

/** The whole tower in this process, listening on a free port, with folders of its own. */
export class Tower {
  private constructor(
    readonly app: NestExpressApplication,
    readonly api: ApiClient,
    readonly folder: string,
  ) {}

  /**
   * @param environment settings beside the address, the database and the folders
   * @param extensions modules that the platform team adds
   */
  static async start(
    databaseUrl: string,
    environment: Record<string, string> = {},
    extensions: Type[] = [],
  ): Promise<Tower> {
    const folder = await mkdtemp(join(tmpdir(), 'jct-tower-'));
    const settings = readSettings(towerEnvironment(folder, { DATABASE_URL: databaseUrl, ...environment }));
    const app = await createApp(settings, extensions);
    return new Tower(app, new ApiClient((await start(app, settings))!), folder);
  }

  get url(): string {
    return this.api.url;
  }

  get traceRoot(): string {
    return join(this.folder, 'traces');
  }

  async stop(): Promise<void> {
    await this.app.get(OrchestratorService).stop();
    await this.app.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
