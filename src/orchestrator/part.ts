import type { JsonObject } from '../common/json.js';

/** One thing that the orchestrator starts and stops. */
export interface Part {
  /** Unique; shown by /status. */
  readonly name: string;
  /** @throws Error when the process cannot do its work without it: it then ends */
  start(): void | Promise<void>;
  /** Resolves when nothing of it goes on. */
  stop(): Promise<void>;
  /** Ends the grace of a stop that goes on. */
  hurry?(): void;
  /** What /status tells of it, whether or not it runs in this process. */
  report?(): Promise<PartReport>;
}

export interface PartReport {
  /** By name. */
  agents?: Record<string, { status: string; health: string }>;
  /** Active ones. */
  workflowsCount?: number;
  /** Anything else that is worth knowing, in snake_case. */
  facts?: JsonObject;
}

export const PARTS = Symbol('PARTS');
