import { Injectable } from '@nestjs/common';
import { AppError, ConflictError, NotFoundError } from '../common/errors.js';
import { Signals } from '../signals/signals.js';
import type { AgentInstanceEntity } from './agent-instance.entity.js';
import { AgentInstances, together } from './agent-instances.js';
import { AgentRegistry } from './agent-registry.js';
import { AgentRows } from './agent-rows.js';
import type { AgentEntity } from './agent.entity.js';
import type { BaseAgent } from './base-agent.js';

/** An agent, its row, and what the living processes say of it. */
export interface AgentView {
  agent: BaseAgent;
  row: AgentEntity;
  instances: readonly AgentInstanceEntity[];
}

/** Within it, a worker that lives has followed: it is told, or polls. */
const FOLLOW_MS = 10_000;
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
   * Lets the agent run from now on, and waits until a process runs it.
   *
   * @returns false when no process has followed yet: the first one to come will
   * @throws ConflictError ILLEGAL_STATE when it cannot run, AppError AGENT_FAILED when its start failed
   */
  start(name: string): Promise<boolean> {
    return this.change(name, true, (instances) => {
      if (instances.some(({ status }) => status === 'running')) return true;
      const failed = instances.find(({ status }) => status === 'error');
      if (failed) throw new AppError(500, 'AGENT_FAILED', `Failed to start agent: ${failed.reason}`);
      const blocked = instances.find(({ status, reason }) => status === 'stopped' && reason !== null);
      if (blocked) {
        throw new ConflictError('ILLEGAL_STATE', `The agent cannot run. ${blocked.reason}`, {
          current_state: 'stopped',
        });
      }
      return false;
    });
  }

  /** Lets the agent run no more, and waits until none does. @returns false when a process has not followed yet */
  stop(name: string): Promise<boolean> {
    return this.change(name, false, (instances, all) => {
      const failed = instances.find(({ status }) => status === 'error');
      if (failed) throw new AppError(500, 'AGENT_FAILED', `Failed to stop agent: ${failed.reason}`);
      return instances.length === all.length && instances.every(({ status }) => status === 'stopped');
    });
  }

  /** @param done is asked about the processes that have followed, and all */
  private async change(
    name: string,
    enabled: boolean,
    done: (followed: AgentInstanceEntity[], all: readonly AgentInstanceEntity[]) => boolean,
  ): Promise<boolean> {
    await this.get(name);
    const { revision } = (await this.rows.setEnabled(name, enabled))!;
    this.signals.announce('agents');
    const deadline = AbortSignal.timeout(FOLLOW_MS);
    while (!deadline.aborted) {
      const all = (await this.instances.living()).get(name) ?? [];
      if (
        done(
          all.filter((instance) => instance.revision >= revision),
          all,
        )
      )
        return true;
      await this.signals.next(['agents'], LOOK_MS, deadline);
    }
    return false;
  }
}
