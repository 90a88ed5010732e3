import type { ReportSummaries } from '../src/execution/reports/read-reports.js';
import type { ArtifactRecord } from '../src/task-types/executor.js';
import type { EnqueuedTaskDto, TaskDto } from '../src/tasks/dto/task.dto.js';
import type { TraceDto, TraceVerificationDto } from '../src/trace-api/trace.dto.js';
import { DemoError } from './demo-error.js';
import { type ServerSentEvent, serverSentEvents } from './server-sent-events.js';

export type { EnqueuedTaskDto as EnqueuedTask, TraceDto as Trace, TraceVerificationDto as Verification };

/** What comes of a build, test, scan or deploy. */
export interface CommandResult {
  exit_code: number | null;
  duration_ms: number;
  commit: string | null;
  reports: ReportSummaries;
  artifacts: ArtifactRecord[];
}

export type Task = Omit<TaskDto, 'result'> & { result: CommandResult | null };

/** A refusal: RFC 9457, and for a denied task every rule that it breaks. */
export interface Problem {
  code: string;
  detail: string;
  violations?: { rule: string; code: string; message: string }[];
}

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** The tower as any client sees it: plain HTTP. */
export class TowerClient {
  constructor(
    readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  async enqueue(task: object, idempotencyKey?: string): Promise<Answer<EnqueuedTaskDto | Problem>> {
    const headers = {
      'Content-Type': 'application/json',
      ...(idempotencyKey && { 'Idempotency-Key': idempotencyKey }),
    };
    const answer = await this.fetch('/tasks/enqueue', {
      method: 'POST',
      headers,
      body: JSON.stringify(task),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as EnqueuedTaskDto | Problem,
    };
  }

  task(id: string): Promise<Task> {
    return this.get(`/tasks/${id}`);
  }

  trace(id: string): Promise<TraceDto> {
    return this.get(`/tasks/${id}/trace`);
  }

  verify(id: string): Promise<TraceVerificationDto> {
    return this.get(`/tasks/${id}/trace/verify`);
  }

  /** Events `run`, `log` and `end`, as they happen, until the task has ended. */
  async *followLog(id: string): AsyncGenerator<ServerSentEvent> {
    const answer = await this.fetch(`/tasks/${id}/logs`, { headers: { Accept: 'text/event-stream' } });
    if (!answer.ok || answer.body === null) throw new DemoError(`The log of ${id}: ${await answer.text()}`);
    yield* serverSentEvents(answer.body);
  }

  private async get<T>(path: string): Promise<T> {
    const answer = await this.fetch(path);
    if (!answer.ok)
      throw new DemoError(`GET ${path} was answered with ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  private fetch(path: string, request: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, { ...request, signal: this.signal });
  }
}
