import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { readSettings } from '../../../src/config/settings.js';
import type { PortableDataSource } from '../../../src/database/portable-data-source.js';
import { TraceStore } from '../../../src/traces/trace-store.js';
import { Fleet, SHORT_LEASE } from '../fleet.js';
import { observeTransitions } from '../observed-transitions.js';
import type { PrivatePostgres } from '../postgres.mjs';
import { towerDataSource } from '../tower-data-source.js';
import { WebhookReceiver } from '../webhook-receiver.js';
import { Clients } from './clients.js';
import { Crew } from './crew.js';
import { drain } from './drain.js';
import { keepEvidence } from './evidence.js';
import { Faults } from './faults.js';
import { Ledger } from './ledger.js';
import { scheduleOf, type SchedulePlan } from './schedule.js';
import { storedViolations } from './stored-invariants.js';
import { readRecord, type StoredRecord } from './stored-record.js';
import { summaryOf } from './summary.js';
import { type WorkItem, workOf, type WorkPlan } from './work.js';
import {
  brokenTraces,
  leftProcesses,
  lostOrDoubled,
  unheardCallbacks,
  untrueRuns,
  wrongEnds,
} from './world-invariants.js';

export interface ChaosPlan {
  apis: number;
  workers: number;
  tasks: number;
  /** How long faults happen. The tasks are handed in during the first three quarters. */
  seconds: number;
  /** Mean time between faults. */
  everySeconds: number;
}

const LEASE_MS = Number(SHORT_LEASE.JCT_LEASE_SECONDS) * 1_000;
const CLIENTS = 8;
const ENVIRONMENT = {
  ...SHORT_LEASE,
  // Starts are cheap, and what a dead worker leaves does not die with a sandbox.
  JCT_SANDBOX: 'process',
  JCT_WORKER_CONCURRENCY: '2',
  JCT_ALLOW_PRIVATE_TARGETS: 'true',
  JCT_SHUTDOWN_GRACE_SECONDS: '1',
};

/** TEST_CHAOS_SEED, so that a schedule can be played again; else a new one. */
export function chaosSeed(): number {
  const named = process.env['TEST_CHAOS_SEED'];
  return named === undefined ? randomInt(2 ** 31) : Number(named);
}

/** Where a run of chaos takes place, and what is kept of it. */
interface Scene {
  work: readonly WorkItem[];
  ledger: Ledger;
  receiver: WebhookReceiver;
  fleet: Fleet;
  crew: Crew;
  clients: Clients;
}

/**
 * Real processes on one database under load, with faults from a seed; then everything drains, and what must hold is
 * looked up in the database, the trace root and the process table.
 *
 * @param postgres null: the database is a file, and only processes are hit
 * @returns what does not hold; the summary goes to the output
 */
export async function chaos(
  seed: number,
  databaseUrl: string,
  postgres: PrivatePostgres | null,
  plan: ChaosPlan,
): Promise<string[]> {
  const title = `Chaos, TEST_CHAOS_SEED=${seed}, ${postgres === null ? 'SQLite' : 'PostgreSQL'}`;
  process.stdout.write(`${title}: begins\n`);
  const begun = performance.now();
  const receiver = await WebhookReceiver.listening();
  const fleet = await Fleet.open(databaseUrl, ENVIRONMENT);
  let dataSource: PortableDataSource | undefined;
  try {
    dataSource = await towerDataSource(databaseUrl);
    await observeTransitions(dataSource);
    await dataSource.destroy();
    const crew = new Crew(fleet);
    await Promise.all([crew.man('api', plan.apis), crew.man('worker', plan.workers)]);
    answerSomeLater(receiver);
    const ledger = new Ledger(join(fleet.folder, 'ledger'));
    const work = workOf(seed, workPlan(plan, ledger, receiver));
    const startedAt = performance.now();
    const clients = new Clients(() => crew.apis, startedAt);
    const faults = new Faults(seed, crew, postgres);
    const schedule = scheduleOf(seed, schedulePlan(plan, postgres !== null));
    await Promise.all([clients.handInAll(work, CLIENTS), faults.carryOut(schedule, startedAt)]);

    await crew.complete();
    dataSource = await towerDataSource(databaseUrl, false);
    const stuck = await drain(dataSource);
    await crew.disband();
    const record = await readRecord(dataSource);
    const seconds = (performance.now() - begun) / 1_000;
    process.stdout.write(`${summaryOf(title, seconds, { crew, faults, clients, record })}\n`);
    const scene = { work, ledger, receiver, fleet, crew, clients };
    const violations = [...stuck, ...(await violationsOf(scene, record))];
    if (violations.length > 0) violations.push(`Evidence: ${keepEvidence(crew, record, ledger)}`);
    return violations;
  } finally {
    await fleet.close();
    if (dataSource?.isInitialized) await dataSource.destroy();
    await receiver.down();
  }
}

async function violationsOf(scene: Scene, record: StoredRecord): Promise<string[]> {
  const { work, ledger, receiver, fleet, crew, clients } = scene;
  const traces = new TraceStore(readSettings({ JCT_TRACE_ROOT: join(fleet.folder, 'traces') }));
  return [
    ...clients.odd,
    ...crew.incidents,
    ...lostOrDoubled(work, clients, record),
    ...storedViolations(record),
    ...untrueRuns(ledger, record),
    ...wrongEnds(work, clients, record),
    ...(await brokenTraces(traces, record)),
    ...unheardCallbacks(receiver, record),
    ...leftProcesses(record),
  ];
}

function workPlan(plan: ChaosPlan, ledger: Ledger, receiver: WebhookReceiver): WorkPlan {
  const withinMs = plan.seconds * 750;
  return { tasks: plan.tasks, withinMs, ledger: ledger.path, callbackUrl: receiver.url };
}

function schedulePlan({ seconds, everySeconds }: ChaosPlan, database: boolean): SchedulePlan {
  return { forMs: seconds * 1_000, everyMs: everySeconds * 1_000, leaseMs: LEASE_MS, database };
}

/** Every seventh message is refused at first, so that it comes again. */
function answerSomeLater(receiver: WebhookReceiver): void {
  const refused = new Set<string>();
  receiver.answer = (response, { id }) => {
    const refuse = !refused.has(id) && receiver.received.length % 7 === 0;
    if (refuse) refused.add(id);
    response.writeHead(refuse ? 503 : 204).end();
  };
}
