import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../common/json.js';
import type { TaskStatus } from '../../tasks/task-status.js';
import type { Definition } from '../definition/definition.js';
import { normalForm } from '../definition/normal-form.js';
import { advance } from './advance.js';
import { keyOf } from './hand-over.js';
import { hasEnded, isHardStop, isHead, newStep, type RunState, type StepState } from './run-state.js';
import { stepsToResume } from './resume-steps.js';

const START = Date.UTC(2026, 0, 1);

/** A run as the database would hold it, and a world in which its tasks end as they like. */
class World {
  run: RunState;
  steps: StepState[];
  now = START;
  /** By idempotency key: the tasks that there are. */
  readonly tasks = new Map<string, { status: TaskStatus; result: JsonObject | null; error: string | null }>();
  readonly begun: string[] = [];

  constructor(readonly definition: Definition) {
    this.run = {
      id: 'run',
      workflowName: definition.name,
      version: 1,
      status: 'running',
      stopping: null,
      event: {},
      inputs: {},
      error: null,
      timeoutSeconds: definition.timeout_seconds,
      startedAt: new Date(START),
      deadlineAt: new Date(START + definition.timeout_seconds * 1_000),
      cancelRequestedAt: null,
      cancelledBy: null,
    };
    this.steps = definition.steps.map(({ name }) => newStep(name));
  }

  /** One look of one process; it may die after what was decided is stored, or after some of it was handed over. */
  look(diesAfter = Number.POSITIVE_INFINITY, received: Record<string, JsonObject> = {}): void {
    this.store(received);
    for (const step of this.steps) {
      if (step.status !== 'starting') continue;
      if (diesAfter <= 0) return;
      diesAfter -= 1;
      const key = keyOf(this.run, step);
      if (!this.tasks.has(key) && !isHardStop(this.run.stopping)) {
        this.begun.push(key);
        this.tasks.set(key, { status: 'queued', result: null, error: null });
      }
      // Handed over, and not written down.
      if (diesAfter <= 0) return;
      if (this.tasks.has(key)) Object.assign(step, { status: 'running', taskId: key });
      else Object.assign(step, { status: 'cancelled', finishedAt: new Date(this.now) });
    }
    if (isHardStop(this.run.stopping)) for (const task of this.open()) task.status = 'cancelled';
    this.store(received);
  }

  private store(received: Record<string, JsonObject>): void {
    const before = new Map(this.steps.map((step) => [`${step.name} ${step.item}`, step]));
    const plan = advance(this.definition, this.run, this.steps, {
      now: new Date(this.now),
      tasks: this.tasks,
      children: new Map(),
      received: new Map(Object.entries(received)),
    });
    Object.assign(this.run, plan.run);
    for (const step of plan.steps) {
      const known = before.get(`${step.name} ${step.item}`);
      if (known !== undefined) expect(hasEnded(known)).toBe(false);
      if (known === undefined) this.steps.push(step);
      else Object.assign(known, step);
    }
  }

  open(): { status: TaskStatus; result: JsonObject | null; error: string | null }[] {
    return [...this.tasks.values()].filter(({ status }) => status === 'queued' || status === 'running');
  }

  status(name: string): string {
    return this.steps.find((step) => step.name === name && isHead(step))!.status;
  }

  get ended(): boolean {
    return ['completed', 'failed', 'cancelled'].includes(this.run.status);
  }
}

function definitionOf(steps: JsonObject[], more: JsonObject = {}): Definition {
  return normalForm({ name: 'model', steps, ...more });
}

const task = { type: 'test', payload: { script: 'true' } };

/** Any graph without cycles, of every kind of step: each needs some of those before it. */
const graphs = fc
  .array(
    fc.record({
      kind: fc.constantFrom('task', 'each', 'event', 'time'),
      needs: fc.array(fc.nat(7), { maxLength: 3 }),
      condition: fc.constantFrom(null, null, 'true', 'false', 'steps.s0.status == "completed"'),
      onFailure: fc.constantFrom<'stop' | 'continue' | 'run'>('stop', 'continue', 'run'),
      items: fc.nat(3),
      parallel: fc.constantFrom(null, 1, 2),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((drawn) => {
    const steps = drawn.map((step, index): JsonObject => {
      const needs = [...new Set(step.needs.filter((need) => need < index).map((need) => `s${need}`))];
      const reads = step.condition?.includes('s0') === true;
      return {
        name: `s${index}`,
        needs: reads && index > 0 && !needs.includes('s0') ? [...needs, 's0'] : needs,
        ...(step.condition === null || (reads && index === 0) ? {} : { if: step.condition }),
        on_failure: step.onFailure === 'run' ? { run: ['handler'] } : step.onFailure,
        ...(step.kind === 'task' ? { task } : {}),
        ...(step.kind === 'each'
          ? { task, for_each: `[1, 2, 3].filter(n, n <= ${step.items})`, max_parallel: step.parallel }
          : {}),
        ...(step.kind === 'event' ? { wait_for: { event: 'some.event' }, timeout_seconds: 30 } : {}),
        ...(step.kind === 'time' ? { wait_until: { seconds: 10 } } : {}),
      };
    });
    return definitionOf([...steps, { name: 'handler', task }], { timeout_seconds: 600 });
  });

type Move =
  | { kind: 'look'; diesAfter: number }
  | { kind: 'end'; which: number; status: 'completed' | 'failed' | 'cancelled' }
  | { kind: 'pass'; seconds: number }
  | { kind: 'event' }
  | { kind: 'cancel' };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('look' as const), diesAfter: fc.nat(4) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('end' as const),
        which: fc.nat(10),
        status: fc.constantFrom<'completed' | 'failed' | 'cancelled'>(
          'completed',
          'completed',
          'failed',
          'cancelled',
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.nat(120) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('event' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const) }) },
  ),
  { maxLength: 40 },
);

function play(world: World, move: Move): void {
  switch (move.kind) {
    case 'look':
      return world.look(move.diesAfter);
    case 'end': {
      const open = world.open();
      if (open.length === 0) return;
      Object.assign(open[move.which % open.length], {
        status: move.status,
        error: move.status === 'completed' ? null : 'so',
      });
      return;
    }
    case 'pass':
      world.now += move.seconds * 1_000;
      return;
    case 'event': {
      const waiting = world.steps.filter(
        ({ status, waitPattern }) => status === 'running' && waitPattern !== null,
      );
      return world.look(9, Object.fromEntries(waiting.map(({ name }) => [name, { type: 'some.event' }])));
    }
    case 'cancel':
      world.run.cancelRequestedAt = new Date(world.now);
      return;
    default:
      return move satisfies never;
  }
}

/** Lets everything that is open end well, and looks until the run has ended. @returns how many looks that took */
function finish(world: World): number {
  for (let looks = 1; looks <= 200; looks += 1) {
    for (const open of world.open()) open.status = 'completed';
    world.now += 60_000;
    world.look();
    if (world.ended) return looks;
  }
  throw new Error('It never ends.');
}

describe('advance', () => {
  it('begins nothing twice, begins nothing before what it needs, and always ends: whatever comes in whatever order', () => {
    fc.assert(
      fc.property(graphs, moves, (definition, played) => {
        const world = new World(definition);
        for (const move of played) {
          play(world, move);
          for (const { name, needs, if: condition } of definition.steps) {
            const began = world.steps.some((step) => step.name === name && step.startedAt !== null);
            if (!began) continue;
            for (const need of needs) {
              const status = world.status(need);
              expect(['completed', 'failed', 'skipped', 'cancelled']).toContain(status);
              if (condition === null) expect(['skipped', 'cancelled']).not.toContain(status);
            }
          }
        }
        finish(world);
        expect(new Set(world.begun).size).toBe(world.begun.length);
        expect(world.steps.every(hasEnded)).toBe(true);
        expect(world.open()).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });

  it('comes to the same end however often it is looked at in between', () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 1, max: 4 }), fc.nat(3), (definition, looks, diesAfter) => {
        const [eager, lazy] = [new World(definition), new World(definition)];
        for (let round = 0; round < 60 && !(eager.ended && lazy.ended); round += 1) {
          for (const world of [eager, lazy]) {
            for (const open of world.open()) open.status = 'completed';
            world.now = START + round * 5_000;
          }
          for (let look = 0; look < looks; look += 1) eager.look(diesAfter);
          eager.look();
          lazy.look();
        }
        const picture = (world: World): string[] =>
          world.steps.map(({ name, item, status }) => `${name} ${item} ${status}`).sort();
        expect(picture(eager)).toEqual(picture(lazy));
        expect(eager.run.status).toBe(lazy.run.status);
        expect([...eager.begun].sort()).toEqual([...lazy.begun].sort());
      }),
      { numRuns: 150 },
    );
  });

  it('resumes any run that failed to its end, and runs again no task that completed', () => {
    fc.assert(
      fc.property(graphs, moves, (definition, played) => {
        const world = new World(definition);
        for (const move of played) play(world, move);
        finish(world);
        if (world.run.status === 'completed') return;
        const kept = world.steps.filter(({ taskId, status }) => taskId !== null && status === 'completed');
        const earlier = new Set(world.tasks.keys());
        const begunBefore = world.steps
          .filter(({ taskId }) => taskId !== null)
          .map(({ name, item }) => `${name} ${item}`);
        const { rows, forgetItemsOf } = stepsToResume(definition, world.steps, null);
        const changed = new Map(rows.map((row) => [`${row.name} ${row.item}`, row]));
        world.steps = world.steps
          .filter((step) => isHead(step) || !forgetItemsOf.includes(step.name))
          .map((step) => changed.get(`${step.name} ${step.item}`) ?? step);
        Object.assign(world.run, { status: 'running', stopping: null, error: null, cancelRequestedAt: null });
        world.run.deadlineAt = new Date(world.now + 86_400_000);
        const again = rows.map(({ name, item }) => `${name} ${item}`);
        finish(world);
        expect(new Set(world.begun).size).toBe(world.begun.length);
        for (const { name, item, taskId } of world.steps) {
          const key = `${name} ${item}`;
          if (taskId !== null && again.includes(key) && begunBefore.includes(key))
            expect(earlier.has(taskId)).toBe(false);
        }
        for (const { name, item, taskId } of kept) {
          if (again.includes(`${name} ${item}`) || forgetItemsOf.includes(name)) continue;
          expect(world.steps.find((step) => step.name === name && step.item === item)?.taskId).toBe(taskId);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps to the number of items that may go on at once', () => {
    const world = new World(
      definitionOf([{ name: 'each', task, for_each: '[1, 2, 3, 4, 5]', max_parallel: 2 }]),
    );
    world.look();
    expect(world.open()).toHaveLength(2);
    world.open()[0].status = 'completed';
    world.look();
    expect(world.open()).toHaveLength(2);
    expect(world.begun).toHaveLength(3);
  });

  it('fails a step whose list is none, or too long, and one that speaks of what is not there', () => {
    const steps = [
      { name: 'none', task, for_each: '"text"', on_failure: 'continue' },
      { name: 'long', task, for_each: 'event.data.list', on_failure: 'continue' },
      { name: 'missing', task, if: 'event.data.nope == 1', on_failure: 'continue' },
    ];
    const world = new World(definitionOf(steps));
    world.run.event = { data: { list: Array.from({ length: 201 }, (_, index) => index) } };
    world.look();
    const error = (name: string): string | null => world.steps.find((step) => step.name === name)!.error;
    expect(error('none')).toMatch(/did not give a list/);
    expect(error('long')).toMatch(/201 items; at most 200/);
    expect(error('missing')).toMatch(/No such key/);
  });

  it('waits for a time that an expression gives, and fails where it is none', () => {
    const world = new World(
      definitionOf([
        { name: 'until', wait_until: { time: '${{ "2026-01-01T00:01:00Z" }}' } },
        { name: 'never', wait_until: { time: 'tomorrow' }, on_failure: 'continue' },
      ]),
    );
    world.look();
    expect(world.status('until')).toBe('running');
    expect(world.status('never')).toBe('failed');
    world.now += 60_000;
    world.look();
    expect(world.status('until')).toBe('completed');
    expect(world.run.status).toBe('completed');
  });
});
