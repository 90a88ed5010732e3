import { Injectable } from '@nestjs/common';
import { ValidationError, type Violation } from '../common/errors.js';
import { validateAs } from '../http/validation.js';
import { TaskTypeRegistry } from '../task-types/task-type-registry.js';
import { EnqueueTaskDto, type TaskOptionsDto } from './dto/enqueue-task.dto.js';
import type { TaskOptions, TaskRequest } from './task-request.js';

/** Turns what a client sent into the one normal form, or says everything that is wrong with it. */
@Injectable()
export class TaskIntake {
  constructor(private readonly types: TaskTypeRegistry) {}

  /**
   * Checks what was sent as a whole, so that one answer tells everything that is wrong: the shape, the payload by the rules
   * of its type, contradictions of the options.
   *
   * @throws ValidationError UNKNOWN_TASK_TYPE or VALIDATION_FAILED
   */
  check(body: object): EnqueueTaskDto {
    const shape = validateAs(EnqueueTaskDto, body);
    const wrong = shape.ok ? contradictions(shape.value.options ?? {}) : shape.violations;
    const { type, payload } = body as { type?: unknown; payload?: unknown };
    const known = typeof type === 'string' ? this.types.find(type) : undefined;
    if (typeof type === 'string' && known === undefined) throw this.unknownType(type, wrong);
    if (known !== undefined && isObject(payload)) {
      const checked = validateAs(known.payload, payload, '/payload');
      if (!checked.ok) wrong.push(...checked.violations);
    }
    if (shape.ok && wrong.length === 0) return shape.value;
    throw new ValidationError(wrong);
  }

  /** The normal form of a request that passed check(); its payload is kept as it was sent. */
  normalise(dto: EnqueueTaskDto): TaskRequest {
    return {
      type: dto.type,
      payload: dto.payload,
      priority: dto.priority ?? 'medium',
      source: dto.source ?? 'api',
      target: dto.target && Object.keys(defined(dto.target)).length > 0 ? defined({ ...dto.target }) : null,
      options: withDefaults(dto.options ?? {}),
      metadata: dto.metadata ?? {},
      tags: dto.tags ?? [],
      callback_url: dto.callback_url ?? null,
    };
  }

  private unknownType(type: string, others: Violation[]): ValidationError {
    const message = `There is no task type "${type.slice(0, 64)}" here; there are ${this.types.names().join(', ')}.`;
    const violation = { pointer: '/type', code: 'UNKNOWN_TASK_TYPE', message };
    return new ValidationError([violation, ...others], 'UNKNOWN_TASK_TYPE', message);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
