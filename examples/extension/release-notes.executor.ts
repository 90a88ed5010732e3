import { Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsString, Length, Matches } from 'class-validator';
import { Executes } from '../../src/task-types/executes.decorator.js';
import type { Executor, RunContext } from '../../src/task-types/executor.js';
import type { Outcome } from '../../src/task-types/outcome.js';

export class ReleaseNotesPayload {
  @ApiProperty({ description: 'Semantic version of the release.', example: '1.4.2' })
  @IsString()
  @Matches(/^\d+\.\d+\.\d+$/)
  version: string;

  @ApiProperty({ type: [String], description: 'What has changed, a line each.', example: ['Pay by invoice'] })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(200)
  @IsString({ each: true })
  @Length(1, 200, { each: true })
  changes: string[];
}

/** Writes release notes into the log, where people read them, and into the result, where programs do. */
@Executes('release-notes', {
  payload: ReleaseNotesPayload,
  summary: 'Writes release notes.',
  example: { version: '1.4.2', changes: ['Pay by invoice'] },
})
@Injectable()
export class ReleaseNotesExecutor implements Executor<ReleaseNotesPayload> {
  async execute({ payload, log, signal }: RunContext<ReleaseNotesPayload>): Promise<Outcome> {
    const lines = [`# Release ${payload.version}`];
    for (const change of payload.changes) {
      if (signal.aborted) return { status: 'stopped', result: { written: lines.length - 1 } };
      lines.push(`- ${change}`);
      await log.note(change);
    }
    await log.event('release.notes_written', { version: payload.version, changes: payload.changes.length });
    return { status: 'completed', result: { version: payload.version, notes: `${lines.join('\n')}\n` } };
  }
}
