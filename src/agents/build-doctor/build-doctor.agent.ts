import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { AppError } from '../../common/errors.js';
import type { JsonObject } from '../../common/json.js';
import { EVENT_TYPES } from '../../events/event-types.js';
import type { EventEntity } from '../../events/event.entity.js';
import type { TaskEntity } from '../../tasks/task.entity.js';
import { TasksService } from '../../tasks/tasks.service.js';
import { TraceStore } from '../../traces/trace-store.js';
import type { AgentActions } from '../agent-actions.js';
import { Agent } from '../agent.decorator.js';
import { AIAgent } from '../ai/ai-agent.js';
import { Mind, type Thought } from '../ai/mind.js';
import { quoted } from '../ai/prompt.js';
import type { EventContext } from '../base-agent.js';
import { BuildDoctorConfig } from './build-doctor-config.js';
import { asMarkdown, bounded, type Diagnosis, type Findings, FINDINGS, type FollowUp } from './diagnosis.js';
import { type Evidence, EvidenceReader } from './evidence.js';

const TYPES = ['build', 'test', 'scan', 'deploy'];

/** The command had no part in it: there is nothing in its log. */
const NOT_ITS_FAULT = ['cancelled', 'worker_lost', 'expired', 'trace_storage', 'sandbox'];

/** The run, as the event tells of it: by now, the task may be in its next one. */
interface FailedRun {
  eventId: string;
  taskId: string;
  attempt: number;
  tracePath: string;
  reason: string;
  message: string;
}

interface Patient {
  failed: FailedRun;
  task: TaskEntity;
  evidence: Evidence;
}

export const DIAGNOSIS_EVENT = 'agent.diagnosis';
export const DIAGNOSIS_FILE = 'diagnosis.json';

/**
 * Finds out why a task failed: reads the end of its log, asks the model, and writes a diagnosis beside the trace and as
 * an event. It can propose a task that would tell more; policy decides about it, and grants nothing by default.
 */
@Agent({
  name: 'build-doctor',
  description: 'a careful engineer who finds out why tasks of a CI system failed',
  handles: [EVENT_TYPES.TASK_FAILED],
  capabilities: ['log_analysis', 'failure_diagnosis', 'follow_up_proposals'],
  config: BuildDoctorConfig,
  timeoutSeconds: 300,
  maxAttempts: 3,
  concurrency: 2,
})
@Injectable()
export class BuildDoctor extends AIAgent<BuildDoctorConfig> {
  constructor(
    mind: Mind,
    private readonly tasks: TasksService,
    private readonly evidence: EvidenceReader,
    private readonly traces: TraceStore,
    private readonly clock: Clock,
  ) {
    super(mind);
  }

  override declines({ data }: EventEntity): string | null {
    const failure = (data['failure'] ?? {}) as { reason?: string };
    if (!TYPES.includes(String(data['type']))) return `It looks at tasks of the types ${TYPES.join(', ')}.`;
    if (NOT_ITS_FAULT.includes(failure.reason ?? ''))
      return `The command had no part in it: ${failure.reason}.`;
    return null;
  }

  async handleEvent(event: EventEntity, { actions, signal, attempt }: EventContext): Promise<JsonObject> {
    const failed = failedRun(event);
    const task = await this.find(failed.taskId);
    if (task === null) return { diagnosed: false, reason: 'The task is gone.' };
    const evidence = await this.evidence.read(failed.tracePath, this.config.log_tail_bytes);
    if (evidence === null) {
      return {
        diagnosed: false,
        reason: 'The trace of the run is not below the trace root of this process.',
      };
    }
    const earlier = attempt === 1 ? null : await this.written(failed);
    const diagnosis = earlier ?? (await this.diagnose({ failed, task, evidence }, actions, signal));
    if ('reason' in diagnosis) return { diagnosed: false, ...diagnosis };
    signal.throwIfAborted();

    const json = Buffer.from(`${JSON.stringify(diagnosis, null, 2)}\n`);
    await this.traces.writeBeside(failed.tracePath, DIAGNOSIS_FILE, json);
    await this.traces.writeBeside(failed.tracePath, 'diagnosis.md', Buffer.from(asMarkdown(diagnosis)));
    const tags = { agent: this.name, task_type: task.type, category: diagnosis.category };
    const id = await actions.record({ type: DIAGNOSIS_EVENT, data: { ...diagnosis }, tags }, 'diagnosis');
    return { diagnosed: true, event_id: id, category: diagnosis.category, summary: diagnosis.summary };
  }

  /** @returns why there is none. @throws Error when trying again may help */
  private async diagnose(
    patient: Patient,
    actions: AgentActions,
    signal: AbortSignal,
  ): Promise<Diagnosis | { outcome: string; reason: string }> {
    const { failed, task, evidence } = patient;
    const thought = await this.think(questionAbout(patient), situationOf(patient), {
      schema: FINDINGS,
      outputTokensMax: this.config.output_tokens_max,
      signal,
    });
    this.judgeOwnHealth(thought);
    if (thought.status === 'failed' && thought.retryable) throw new Error(thought.message);
    if (thought.status !== 'answered') {
      const outcome = thought.status === 'failed' ? thought.reason : thought.status;
      return { outcome, reason: thought.message };
    }
    const findings = thought.object as Findings;
    return {
      version: 1,
      task_id: task.id,
      run: failed.attempt,
      task_type: task.type,
      trace_path: failed.tracePath,
      event_id: failed.eventId,
      agent: this.name,
      diagnosed_at: this.clock.now().toISOString(),
      ...bounded(findings, evidence.log),
      follow_up: await this.followUp(findings.follow_up, task, actions),
      log_bytes_read: evidence.logBytesRead,
      log_bytes: evidence.logBytes,
      cost: thought.cost,
    };
  }

  /** The proposal at the gate of everybody: on the same code, inside a sandbox that there must be, without network. */
  private async followUp(
    proposed: Findings['follow_up'],
    task: TaskEntity,
    actions: AgentActions,
  ): Promise<FollowUp | null> {
    if (proposed === null) return null;
    const nothing = { proposed, task_id: null, code: null, violations: [] };
    if (task.requestedBy?.startsWith('agent:')) {
      const message = 'The task that failed was handed in by an agent: proposals about it end here.';
      return { ...nothing, outcome: 'not_handed_in', message };
    }
    const { repository, ref, path } = task.target ?? {};
    const handed = await actions.enqueue(
      {
        type: proposed.type,
        payload: { script: proposed.script },
        ...(repository === undefined ? {} : { target: { repository, ref, path } }),
        options: { sandbox: { mode: 'required', network: false } },
        tags: [this.name],
        metadata: { diagnosis_of: task.id, reason: proposed.reason.slice(0, 500) },
      },
      'follow-up',
    );
    return handed.accepted
      ? { ...nothing, outcome: 'accepted', task_id: handed.taskId, message: null }
      : {
          ...nothing,
          outcome: 'refused',
          code: handed.code,
          message: handed.message,
          violations: handed.violations,
        };
  }

  /** What was written about this event before its process died: the model is not asked again. */
  private async written({ tracePath, eventId }: FailedRun): Promise<Diagnosis | null> {
    const bytes = await this.traces.readBeside(tracePath, DIAGNOSIS_FILE);
    const diagnosis = bytes && (JSON.parse(bytes.toString()) as Diagnosis);
    return diagnosis?.event_id === eventId ? diagnosis : null;
  }

  private async find(id: string): Promise<TaskEntity | null> {
    try {
      return await this.tasks.get(id);
    } catch (error) {
      if (error instanceof AppError && error.status === 404) return null;
      throw error;
    }
  }

  private judgeOwnHealth(thought: Thought): void {
    this.ownHealth =
      thought.status === 'answered'
        ? { status: 'healthy', details: null }
        : { status: 'warning', details: { status: thought.status, message: thought.message } };
  }
}

function failedRun({ id, data }: EventEntity): FailedRun {
  const { reason, message } = (data['failure'] ?? {}) as Record<string, string | undefined>;
  return {
    eventId: id,
    taskId: String(data['task_id']),
    attempt: Number(data['attempt']),
    tracePath: String(data['trace_path']),
    reason: reason ?? 'unknown',
    message: message ?? '',
  };
}

function questionAbout({ failed, evidence: { log, script } }: Patient): string {
  return [
    'A task of a CI system failed. Find out why from the end of its log.',
    'Copy the lines of the log that show it. Do not guess where the log does not tell; say that instead.',
    ...(script === null ? [] : [quoted('command', script)]),
    quoted('error', failed.message),
    quoted('log', log),
  ].join('\n\n');
}

/** Facts of the tower itself; what others wrote is quoted in the question. */
function situationOf({ failed, task }: Patient): JsonObject {
  return { task_id: task.id, task_type: task.type, run: failed.attempt, failure_reason: failed.reason };
}
