import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { CommandExecutor } from '../execution/command/command.executor.js';
import { Executes } from '../task-types/executes.decorator.js';
import type { Executor, RunContext } from '../task-types/executor.js';
import type { Outcome } from '../task-types/outcome.js';
import { CleanupPayload } from './cleanup.payload.js';
import { RetentionService } from './retention.service.js';

/** Cleans up: by a command, or over the tower's own data. */
@Executes('cleanup', {
  payload: CleanupPayload,
  summary: "Cleans up with a command, or removes old data of the tower's own.",
  example: { what: 'traces', older_than_days: 30, dry_run: true },
})
@Injectable()
export class CleanupExecutor implements Executor<CleanupPayload> {
  constructor(
    private readonly settings: Settings,
    private readonly commands: CommandExecutor,
    private readonly retention: RetentionService,
  ) {}

  async execute(run: RunContext<CleanupPayload>): Promise<Outcome> {
    const {
      what,
      older_than_days: olderThanDays = this.settings.retentionDays,
      dry_run: dryRun = false,
    } = run.payload;
    // Without `what` the payload has passed every rule of a command.
    if (what === undefined) return this.commands.execute(run);
    const { removed, examples } = await this.retention.sweep({ what, olderThanDays, dryRun }, run.signal);
    await run.log.note(
      `${dryRun ? 'Would remove' : 'Removed'} ${removed} ${what} older than ${olderThanDays} days.`,
    );
    for (const example of examples) await run.log.note(`  ${example}`);
    const result = { what, older_than_days: olderThanDays, dry_run: dryRun, removed, examples };
    return run.signal.aborted ? { status: 'stopped', result } : { status: 'completed', result };
  }
}
