import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Settings } from '../config/settings.js';
import { OrchestratorService } from '../orchestrator/orchestrator.service.js';
import { DiskGuard } from '../worker/disk-guard.js';
import { WorkerService } from '../worker/worker.service.js';
import type { CheckDto, ReadinessDto } from './status.dto.js';

/** A database that takes longer than this is as good as away for whoever asks whether to send traffic. */
const DATABASE_MS = 2_000;

/** Whether this process should be given traffic. */
@Injectable()
export class Readiness {
  constructor(
    private readonly settings: Settings,
    private readonly orchestrator: OrchestratorService,
    private readonly worker: WorkerService,
    private readonly disk: DiskGuard,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  async check(): Promise<ReadinessDto> {
    const [database, disk] = await Promise.all([this.database(), this.disk.problem()]);
    const checks: Record<string, CheckDto> = {
      process: toCheck(
        this.orchestrator.status === 'running' ? null : `The process is ${this.orchestrator.status}.`,
      ),
      database: toCheck(database),
      // Migrations ran before the server was opened, and an older program refuses to start on a newer schema.
      migrations: toCheck(database === null ? null : 'Unknown while the database is away.'),
      disk: toCheck(disk),
    };
    if (this.settings.role !== 'api') {
      checks['worker'] = toCheck(
        this.worker.status === 'running' ? null : `The worker is ${this.worker.status}.`,
      );
    }
    const ready = Object.values(checks).every(({ status }) => status === 'up');
    return { status: ready ? 'ready' : 'not_ready', checks };
  }

  private async database(): Promise<string | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`No answer within ${DATABASE_MS} ms.`), DATABASE_MS);
    });
    const asked = this.dataSource.query('SELECT count(*) FROM migrations').then(
      () => null,
      () => 'The database cannot be used; the log has the reason.',
    );
    const answer = await Promise.race([asked, late]);
    clearTimeout(timer);
    return answer;
  }
}

function toCheck(problem: string | null): CheckDto {
  return { status: problem === null ? 'up' : 'down', message: problem };
}
