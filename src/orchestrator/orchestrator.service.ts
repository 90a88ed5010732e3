import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { VERSION } from '../common/version.js';
import { Settings } from '../config/settings.js';
import { EventLog } from '../events/event-log.js';
import { EVENT_TYPES } from '../events/event-types.js';
import { type Part, type PartReport, PARTS } from './part.js';

export type OrchestratorStatus = 'running' | 'stopping' | 'stopped';
export type PartStatus = 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** A part as this process has it. */
export interface PartState {
  name: string;
  status: PartStatus;
  /** Since when it runs; null unless running. */
  since: Date | null;
  /** Why it could not be stopped in order. */
  error: string | null;
  report: PartReport;
}

/** No process waits longer than this to record that it begins or ends. */
const RECORD_MS = 1_000;

/**
 * The one provider that starts and stops what this process does, in order. What a role leaves out is never started: an
 * `api` process claims nothing.
 */
@Injectable()
export class OrchestratorService implements OnApplicationBootstrap {
  private readonly logger = new Logger('Orchestrator');
  private readonly states: Map<Part, Omit<PartState, 'name' | 'report'>>;
  private current: OrchestratorStatus = 'stopped';
  private stopping: Promise<void> | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly events: EventLog,
    @Inject(PARTS) private readonly parts: readonly Part[],
  ) {
    this.states = new Map(parts.map((part) => [part, { status: 'stopped', since: null, error: null }]));
  }

  get status(): OrchestratorStatus {
    return this.current;
  }

  /** Every part in the order of its start, with what it has to tell. */
  async describe(): Promise<PartState[]> {
    return Promise.all(
      this.parts.map(async (part) => ({
        name: part.name,
        ...this.states.get(part)!,
        report: (await part.report?.()) ?? {},
      })),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    this.current = 'running';
    if (this.settings.role !== 'api') for (const part of this.parts) await this.startPart(part);
    await this.tell(EVENT_TYPES.SYSTEM_STARTUP);
    this.logger.log(`Running as ${this.settings.role}`);
  }

  /**
   * Ends this process's work: readiness fails at once, nothing more is claimed, and what runs may finish within the
   * grace. Called before the server closes, so that logs can be followed to their end.
   */
  stop(): Promise<void> {
    this.stopping ??= this.stopOnce();
    return this.stopping;
  }

  /** Ends the grace: what still runs is given back to the queue now. */
  hurry(): void {
    for (const part of this.parts) part.hurry?.();
  }

  private async startPart(part: Part): Promise<void> {
    this.states.set(part, { status: 'starting', since: null, error: null });
    await part.start();
    this.states.set(part, { status: 'running', since: this.clock.now(), error: null });
  }

  private async stopOnce(): Promise<void> {
    this.current = 'stopping';
    this.logger.log('Stopping');
    for (const part of [...this.parts].reverse()) await this.stopPart(part);
    await this.tell(EVENT_TYPES.SYSTEM_SHUTDOWN);
    this.current = 'stopped';
    this.logger.log('Stopped');
  }

  /** One that cannot be stopped in order keeps no other from it. */
  private async stopPart(part: Part): Promise<void> {
    const state = this.states.get(part)!;
    if (state.status !== 'running') return;
    this.states.set(part, { ...state, status: 'stopping' });
    try {
      await part.stop();
      this.states.set(part, { status: 'stopped', since: null, error: null });
    } catch (error) {
      const { message, stack } = error as Error;
      this.logger.error(`${part.name} could not be stopped in order`, stack);
      this.states.set(part, { status: 'failed', since: null, error: message });
    }
  }

  /** Records the beginning or the end of this process, if that can be done now: neither waits for it. */
  private async tell(type: string): Promise<void> {
    const data = { host: hostname(), pid: process.pid, role: this.settings.role, version: VERSION };
    const recorded = this.events.record({ type, source: 'orchestrator', data }).then(
      () => undefined,
      (error: unknown) => this.logger.warn(`${type} could not be recorded: ${(error as Error).message}`),
    );
    await Promise.race([recorded, sleep(RECORD_MS, undefined, { ref: false })]);
  }
}
