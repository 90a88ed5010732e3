import { failureSteps, type StepSpec } from './definition.js';

type Edges = ReadonlyMap<string, readonly string[]>;

/** For each step the steps that it waits for, the unknown and itself left out. */
export function edgesOf(steps: readonly StepSpec[]): Edges {
  const known = new Set(steps.map(({ name }) => name));
  return new Map(
    steps.map(({ name, needs }) => [name, needs.filter((need) => known.has(need) && need !== name)]),
  );
}

/** Every cycle once, as the names along it, e.g. `a -> b -> a`; empty when there is none. */
export function cyclesOf(steps: readonly StepSpec[]): string[][] {
  const edges = edgesOf(steps);
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[][] = [];
  const visit = (name: string, path: string[]): void => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open') {
      cycles.push([...path.slice(path.indexOf(name)), name]);
      return;
    }
    state.set(name, 'open');
    for (const need of edges.get(name) ?? []) visit(need, [...path, name]);
    state.set(name, 'done');
  };
  for (const { name } of steps) visit(name, []);
  return cycles;
}

/**
 * What each step may speak of: every step that has ended when it begins. For a step that runs on failure these are also
 * the steps that name it, and all that those waited for.
 */
export function visibleSteps(steps: readonly StepSpec[]): Map<string, Set<string>> {
  const edges = edgesOf(steps);
  const onFailure = failureSteps(steps);
  const result = new Map<string, Set<string>>();
  for (const { name } of steps) {
    const seen = ancestors(name, edges);
    if (onFailure.has(name)) {
      for (const namer of [name, ...seen].flatMap((handler) => namersOf(handler, steps))) {
        seen.add(namer);
        for (const above of ancestors(namer, edges)) seen.add(above);
      }
    }
    result.set(name, seen);
  }
  return result;
}

/** Steps that cannot keep what they have when these run again: themselves, and all that came after them. */
export function withDescendants(names: Iterable<string>, steps: readonly StepSpec[]): Set<string> {
  const again = new Set(names);
  for (let grown = true; grown;) {
    grown = false;
    for (const { name, needs } of steps) {
      if (again.has(name) || !needs.some((need) => again.has(need))) continue;
      again.add(name);
      grown = true;
    }
  }
  return again;
}

function namersOf(handler: string, steps: readonly StepSpec[]): string[] {
  return steps
    .filter(({ on_failure }) => typeof on_failure === 'object' && on_failure.run.includes(handler))
    .map(({ name }) => name);
}

function ancestors(name: string, edges: Edges): Set<string> {
  const found = new Set<string>();
  const open = [...(edges.get(name) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(edges.get(next) ?? []));
  }
  return found;
}
