import { Injectable } from '@nestjs/common';
import { AppError, ConflictError, NotFoundError } from '../common/errors.js';
import { Signals } from '../signals/signals.js';
import type { AgentInstanceEntity } from './agent-instance.entity.js';
import { AgentInstances, together } from './agent-instances.js';
import { AgentRegistry } from './agent-registry.js';
import { AgentRows } from './agent-rows.js';
import type { AgentEntity } from './agent.entity.js';
import type { AgentStatus, BaseAgent } from './base-agent.js';

/** An agent, its row, and what the living processes say of it. */
export interface AgentView {
  agent: BaseAgent;
  row: AgentEntity;
  instances: readonly AgentInstanceEntity[];
}

/** Within it, a worker that lives has followed: it is told, or polls. */
const FOLLOW_MS = 10_000;
const CHANGING: readonly AgentStatus[] = ['starting', 'stopping'];
const LOOK_MS = 250;

/** What `GET /agents` shows, and what start and stop do: they write what shall be, and the worker processes follow. */
@Injectable()
export class AgentsService {
  constructor(
    private readonly registry: AgentRegistry,
    private readonly rows: AgentRows,
    private readonly instances: AgentInstances,
    private readonly signals: Signals,
  ) {}

  /** By name. */
  async list(): Promise<AgentView[]> {
    const rows = new Map((await this.rows.all()).map((row) => [row.name, row]));
    const living = await this.instances.living();
    return this.registry.all().flatMap((agent) => {
      const row = rows.get(agent.name);
      return row === undefined ? [] : [{ agent, row, instances: living.get(agent.name) ?? [] }];
    });
  }

  /** For /status. */
  async summary(): Promise<Record<string, { status: string; health: string }>> {
    const entries = (await this.list()).map(({ row, instances }) => {
      const { status, health } = together(instances);
      return [row.name, { status, health }] as const;
    });
    return Object.fromEntries(entries);
  }

  /** @throws NotFoundError AGENT_NOT_FOUND */
  async get(name: string): Promise<AgentView> {
    const agent = this.registry.find(name);
    const row = agent && (await this.rows.find(name));
    if (!agent || !row) throw new NotFoundError('AGENT', 'Agent not found');
    return { agent, row, instances: (await this.instances.living()).get(name) ?? [] };
  }

  /**
   * Lets the agent run from now on, and waits until the worker processes have followed.
   *
   * @returns false when none has: the first one to come will
   * @throws ConflictError ILLEGAL_STATE when it cannot run, AppError AGENT_FAILED when its start failed
   */
  async start(name: string): Promise<boolean> {
    const followed = await this.change(name, true);
    if (followed.some(({ status }) => status === 'running')) return true;
    const failed = followed.find(({ status }) => status === 'error');
    if (failed) throw new AppError(500, 'AGENT_FAILED', `Failed to start agent: ${failed.reason}`);
    const blocked = followed.find(({ reason }) => reason !== null);
    if (!blocked) return false;
    throw new ConflictError('ILLEGAL_STATE', `The agent cannot run. ${blocked.reason}`, {
      current_state: 'stopped',
    });
  }

  /** Lets the agent run no more, and waits until it does not. @returns false when a process has not followed yet */
  async stop(name: string): Promise<boolean> {
    const followed = await this.change(name, false);
    const failed = followed.find(({ status }) => status === 'error');
    if (failed) throw new AppError(500, 'AGENT_FAILED', `Failed to stop agent: ${failed.reason}`);
    const all = (await this.instances.living()).get(name) ?? [];
    return all.length === followed.length;
  }

  /** @returns what the processes say that have followed: all that live, or as many as did in time */
  private async change(name: string, enabled: boolean): Promise<AgentInstanceEntity[]> {
    await this.get(name);
    const { revision } = (await this.rows.setEnabled(name, enabled))!;
    this.signals.announce('agents');
    const deadline = AbortSignal.timeout(FOLLOW_MS);
    for (;;) {
      const all = (await this.instances.living()).get(name) ?? [];
      const followed = all.filter((each) => each.revision >= revision && !CHANGING.includes(each.status));
      if (followed.length === all.length || deadline.aborted) return followed;
      await this.signals.next(['agents'], LOOK_MS, deadline);
    }
  }
}
