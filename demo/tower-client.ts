import { createHmac, randomUUID } from 'node:crypto';
import type { DiagnosisDto } from '../src/agents/build-doctor/diagnosis.dto.js';
import type { EventDto } from '../src/events/dto/event.dto.js';
import type { ReportSummaries } from '../src/execution/reports/read-reports.js';
import type { ArtifactRecord } from '../src/task-types/executor.js';
import type { EnqueuedTaskDto, TaskDto } from '../src/tasks/dto/task.dto.js';
import type { TraceDto, TraceVerificationDto } from '../src/trace-api/trace.dto.js';
import type { RunPageDto, RunSummaryDto, WorkflowRunDto } from '../src/workflows/runs/workflow-run.dto.js';
import { DemoError } from './demo-error.js';
import { type ServerSentEvent, serverSentEvents } from './server-sent-events.js';

export type { WorkflowRunDto as WorkflowRun } from '../src/workflows/runs/workflow-run.dto.js';
export type {
  DiagnosisDto as Diagnosis,
  EnqueuedTaskDto as EnqueuedTask,
  EventDto as Event,
  TraceDto as Trace,
  TraceVerificationDto as Verification,
};

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

  /** What GitHub would send, signed as GitHub signs. @returns the id of the event that it became */
  async deliverPush(payload: object, secret: string): Promise<string> {
    const body = JSON.stringify(payload);
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    const answer = await this.fetch('/webhooks/github', {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-GitHub-Event': 'push',
        'X-GitHub-Delivery': randomUUID(),
        'X-Hub-Signature-256': `sha256=${signature}`,
      },
      body,
    });
    const text = await answer.text();
    if (!answer.ok) throw new DemoError(`The webhook was answered with ${answer.status}: ${text}`);
    return (JSON.parse(text) as { event_id: string }).event_id;
  }

  async workflowRuns(workflow: string): Promise<RunSummaryDto[]> {
    return (await this.get<RunPageDto>(`/workflow-runs?workflow=${workflow}`)).items;
  }

  workflowRun(id: string): Promise<WorkflowRunDto> {
    return this.get(`/workflow-runs/${id}`);
  }

  /** The last lines that a task has written. */
  async logTail(id: string, lines: number): Promise<string[]> {
    const answer = await this.fetch(`/tasks/${id}/logs?tail=${lines}`);
    return (await answer.text()).trimEnd().split('\n');
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

  /** Why it failed, as build-doctor sees it. */
  diagnosis(id: string): Promise<DiagnosisDto> {
    return this.get(`/tasks/${id}/diagnosis`);
  }

  events(type: string): Promise<EventDto[]> {
    return this.get(`/events?event_type=${type}`);
  }

  async tasksTagged(tag: string): Promise<unknown[]> {
    return (await this.get<{ items: unknown[] }>(`/tasks?tag=${tag}`)).items;
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
