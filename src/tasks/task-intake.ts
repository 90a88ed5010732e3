import { Injectable } from '@nestjs/common';
import type { JsonObject } from '../common/json.js';
import { ValidationError, type Violation } from '../common/errors.js';
import { validateAs } from '../http/validation.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import type { EnqueueTaskDto, TaskOptionsDto } from './dto/enqueue-task.dto.js';
import type { TaskOptions, TaskRequest } from './task-request.js';

/** Turns what a client sent into the one normal form, or says everything that is wrong with it. */
@Injectable()
export class TaskIntake {
  constructor(private readonly types: TaskTypeRegistry) {}

  /**
   * @param dto already validated by its own decorators
   * @throws ValidationError UNKNOWN_TASK_TYPE, or VALIDATION_FAILED with pointers into the payload and the options
   */
  normalise(dto: EnqueueTaskDto): TaskRequest {
    const payload = this.checkedPayload(dto.type, dto.payload);
    const wrong = contradictions(dto.options ?? {});
    if (wrong.length > 0) throw new ValidationError(wrong);
    return {
      type: dto.type,
      payload,
      priority: dto.priority ?? 'medium',
      source: dto.source ?? 'api',
      target: dto.target ? defined({ ...dto.target }) : null,
      options: withDefaults(dto.options ?? {}),
      metadata: dto.metadata ?? {},
      tags: dto.tags ?? [],
      callback_url: dto.callback_url ?? null,
    };
  }

  /** Checks the payload against the DTO of its type; what is stored is the payload as it was sent. */
  private checkedPayload(type: string, payload: JsonObject): JsonObject {
    const known = this.types.find(type);
    if (known === undefined) {
      const names = this.types.names();
      const message = `There is no task type "${type}" here; there are ${names.join(', ')}.`;
      const violation = { pointer: '/type', code: 'UNKNOWN_TASK_TYPE', message };
      throw new ValidationError([violation], 'UNKNOWN_TASK_TYPE', message);
    }
    const checked = validateAs(known.payload, payload, '/payload');
    if (!checked.ok) throw new ValidationError(checked.violations);
    return payload;
  }
}

function contradictions({ run_at, expires_at }: TaskOptionsDto): Violation[] {
  const violations: Violation[] = [];
  const [runAt, expiresAt] = [run_at, expires_at].map((text) => (text ? Date.parse(text) : undefined));
  for (const [name, time] of [
    ['run_at', runAt],
    ['expires_at', expiresAt],
  ] as const) {
    if (time === undefined || (time > 0 && time < Date.UTC(2200, 0))) continue;
    violations.push({
      pointer: `/options/${name}`,
      code: 'OUT_OF_RANGE',
      message: `${name} must lie before 2200`,
    });
  }
  if (runAt !== undefined && expiresAt !== undefined && expiresAt <= runAt) {
    const message = 'expires_at must lie after run_at, else the task could never start';
    violations.push({ pointer: '/options/expires_at', code: 'EXPIRES_BEFORE_RUN', message });
  }
  return violations;
}

function withDefaults(options: TaskOptionsDto): TaskOptions {
  const utc = (text: string | undefined): string | undefined =>
    text ? new Date(text).toISOString() : undefined;
  return defined({
    timeout_seconds: options.timeout_seconds ?? 900,
    retries: options.retries ?? 0,
    retry_delay_seconds: options.retry_delay_seconds ?? 5,
    run_at: utc(options.run_at),
    expires_at: utc(options.expires_at),
    queue: options.queue ?? 'default',
    concurrency_key: options.concurrency_key ?? undefined,
    sandbox: defined({
      mode: options.sandbox?.mode ?? ('preferred' as const),
      network: options.sandbox?.network ?? false,
      memory_mb: options.sandbox?.memory_mb,
      processes: options.sandbox?.processes,
      file_mb: options.sandbox?.file_mb,
    }),
  });
}

/** Without members that are absent (`undefined`) or not given (`null`). */
function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value != null)) as T;
}
