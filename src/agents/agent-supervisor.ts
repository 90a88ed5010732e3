import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Injectable, Logger } from '@nestjs/common';
import { Rounds } from '../common/rounds.js';
import { Trouble } from '../common/trouble.js';
import { Settings } from '../config/settings.js';
import { EventLog } from '../events/event-log.js';
import { EVENT_TYPES } from '../events/event-types.js';
import { Signals } from '../signals/signals.js';
import { AgentInstances, together } from './agent-instances.js';
import { AgentRegistry } from './agent-registry.js';
import { AgentRows, type Desired } from './agent-rows.js';
import type { BaseAgent } from './base-agent.js';

/** An agent whose start failed is tried again after this, and at once when somebody asks for it. */
const RESTART_AFTER_MS = 30_000;

/** For agents that hang in their clean-up: the process ends all the same. */
const STOP_GRACE_MS = 5_000;

/** What this process last found of an agent. */
interface Followed {
  /** By its row. */
  enabled: boolean;
  /** Enabled, and nothing in this process is against it. */
  wanted: boolean;
  revision: number;
  reason: string | null;
  failedAtMs: number;
}

/**
 * Lets the agents of this process be what their rows say: started and stopped by the orchestrator in every process whose
 * role includes the worker. It looks when it is told, and once every poll.
 */
@Injectable()
export class AgentSupervisor {
  private readonly processId = `${hostname().slice(0, 80)}:${process.pid}:${randomBytes(4).toString('hex')}`;
  private readonly logger = new Logger('Agents');
  private readonly trouble = new Trouble(this.logger);
  private readonly rounds = new Rounds(() => this.trouble.watch('following agents', () => this.follow()));
  private readonly followed = new Map<string, Followed>();
  private readonly attempting = new Map<string, 'starting' | 'stopping'>();
  private elsewhere: ReadonlySet<string> = new Set();
  private readonly reported = new Map<string, { text: string; atMs: number }>();
  private running: { unsubscribe: () => void; timer: NodeJS.Timeout } | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly registry: AgentRegistry,
    private readonly rows: AgentRows,
    private readonly instances: AgentInstances,
    private readonly signals: Signals,
    private readonly events: EventLog,
  ) {}

  /** Begins to follow the rows, and does not wait for the agents: one that hangs in its start holds up nobody. */
  start(): void {
    if (this.running !== null) return;
    const ask = (): void => void this.rounds.ask();
    this.running = {
      unsubscribe: this.signals.on('agents', ask),
      timer: setInterval(ask, this.settings.pollIntervalMs),
    };
    ask();
  }

  async stop(): Promise<void> {
    if (this.running === null) return;
    this.running.unsubscribe();
    clearInterval(this.running.timer);
    this.running = null;
    await this.rounds.settled();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_GRACE_MS);
    });
    const agents = this.registry.all();
    await Promise.race([Promise.allSettled(agents.map((agent) => agent.stop())), late]);
    clearTimeout(timer);
    await this.trouble.watch('leaving', () => this.instances.leave(this.processId));
    this.followed.clear();
    this.reported.clear();
  }

  /** Why nobody takes events for the agent, as far as this process knows; null when somebody does. */
  refusal(agent: BaseAgent): string | null {
    const known = this.followed.get(agent.name);
    if (known === undefined) return agent.blocked();
    if (!known.enabled) return 'The agent is stopped.';
    return known.wanted || this.elsewhere.has(agent.name) ? null : known.reason;
  }

  /** Whether the agent takes events in this process. */
  isWanted({ name }: BaseAgent): boolean {
    return this.followed.get(name)?.wanted ?? false;
  }

  private async follow(): Promise<void> {
    const desired = await this.rows.desired();
    const { maxConcurrentAgents } = this.settings;
    let places = maxConcurrentAgents;
    for (const agent of this.registry.all()) {
      const row = desired.get(agent.name);
      if (row === undefined) continue;
      const blocked =
        agent.blocked() ?? (places > 0 ? null : `MAX_CONCURRENT_AGENTS is ${maxConcurrentAgents}.`);
      const now = this.followed.get(agent.name) ?? {
        enabled: true,
        wanted: true,
        revision: 0,
        reason: null,
        failedAtMs: -Infinity,
      };
      now.enabled = row.isEnabled;
      now.wanted = row.isEnabled && blocked === null;
      now.reason = row.isEnabled ? blocked : null;
      if (now.wanted) places -= 1;
      this.followed.set(agent.name, now);
      this.bring(agent, row, now);
    }
    this.elsewhere = await this.runningElsewhere();
    await this.reportAll();
  }

  private bring(agent: BaseAgent, { revision, autoRestart }: Desired, now: Followed): void {
    const asked = revision > now.revision;
    now.revision = revision;
    if (this.running === null || this.attempting.has(agent.name)) return;
    if (!now.wanted) {
      if (agent.status !== 'stopped') void this.attempt(agent, 'stop', now);
      return;
    }
    const due = autoRestart && performance.now() - now.failedAtMs > RESTART_AFTER_MS;
    if (agent.status === 'error' ? asked || due : agent.status !== 'running') {
      void this.attempt(agent, 'start', now);
    }
  }

  /** Never rejects; the next round reports what came of it. */
  private async attempt(agent: BaseAgent, what: 'start' | 'stop', now: Followed): Promise<void> {
    this.attempting.set(agent.name, what === 'start' ? 'starting' : 'stopping');
    try {
      await agent[what]();
      await this.trouble.watch('telling of agents', () => this.tell(agent));
    } catch (error) {
      const { message } = error as Error;
      now.failedAtMs = performance.now();
      this.logger.error(`Agent ${agent.name} failed to ${what}: ${message}`);
      await this.trouble.watch('counting errors', () => this.rows.countError(agent.name, message));
    } finally {
      this.attempting.delete(agent.name);
    }
    void this.rounds.ask();
  }

  /** `system.agent_started` and `system.agent_stopped`: of what somebody, or a start, asked for; not of the end of a process. */
  private async tell({ name, status }: BaseAgent): Promise<void> {
    await this.events.record({
      type: status === 'running' ? EVENT_TYPES.AGENT_STARTED : EVENT_TYPES.AGENT_STOPPED,
      source: name,
      data: { agent: name, process_id: this.processId },
      actor: `agent:${name}`,
    });
  }

  /** Reports what has changed, and everything once a heartbeat. */
  private async reportAll(): Promise<void> {
    const beatMs = this.settings.heartbeatSeconds * 1_000;
    const told: string[] = [];
    for (const agent of this.registry.all()) {
      const report = this.reportOf(agent);
      const text = JSON.stringify(report);
      const last = this.reported.get(agent.name);
      if (last?.text === text && performance.now() - last.atMs < beatMs) continue;
      await this.instances.report(report);
      this.reported.set(agent.name, { text, atMs: performance.now() });
      if (last?.text !== text) this.logger.debug(`Agent ${agent.name} is ${agent.status}`);
      told.push(agent.name);
    }
    if (told.length === 0) return;
    const living = await this.instances.living();
    for (const name of told) await this.rows.summarise(name, together(living.get(name) ?? []));
    this.signals.announce('agents');
  }

  private async runningElsewhere(): Promise<ReadonlySet<string>> {
    const living = [...(await this.instances.living()).values()].flat();
    const others = living.filter(
      ({ processId, status }) =>
        processId !== this.processId && (status === 'running' || status === 'starting'),
    );
    return new Set(others.map(({ agent }) => agent));
  }

  private reportOf(agent: BaseAgent): Parameters<AgentInstances['report']>[0] {
    const { revision = 0, reason = null } = this.followed.get(agent.name) ?? {};
    return {
      agent: agent.name,
      processId: this.processId,
      // What was begun in this very round has not reached the agent yet.
      status: this.attempting.get(agent.name) ?? agent.status,
      reason: agent.status === 'error' ? agent.lastError : reason,
      healthStatus: agent.health.status,
      healthDetails: agent.health.details,
      revision,
      startedAt: agent.startedAt,
    };
  }
}
