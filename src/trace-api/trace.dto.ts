import { ApiProperty } from '@nestjs/swagger';
import type { JsonObject } from '../common/json.js';

export class TraceFileDto {
  /** Relative to the folder of the run. */
  path: string;
  size_bytes: number;
}

/** The trace of one run. */
export class TraceDto {
  @ApiProperty({ format: 'uuid' })
  task_id: string;

  /** Number of the run. */
  run: number;

  /** Folder, relative to the trace root. */
  trace_path: string;

  /** `writing`: the run goes on. `complete`: manifest.json is there. `incomplete`: the worker died before it could write one. */
  @ApiProperty({ enum: ['writing', 'complete', 'incomplete'], enumName: 'TraceState' })
  state: 'writing' | 'complete' | 'incomplete';

  /** manifest.json; null unless complete. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  manifest: JsonObject | null;

  /** What is there now. */
  files: TraceFileDto[];
}

export class TraceProblemDto {
  file: string;
  @ApiProperty({
    enum: ['missing', 'changed', 'unexpected', 'chain_broken', 'manifest_changed', 'incomplete'],
    enumName: 'TraceProblemCode',
  })
  code: string;
  message: string;
  /** Line of events.jsonl. */
  line?: number;
}

/** What came of reading every byte of a trace again. */
export class TraceVerificationDto {
  /** The folder is complete and exactly what was sealed. */
  ok: boolean;
  complete: boolean;
  /** Files whose hash was computed. */
  checked: number;
  problems: TraceProblemDto[];
}
