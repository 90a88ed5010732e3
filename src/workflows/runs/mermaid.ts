import { type Definition, kindOf, type StepKind, type StepSpec } from '../definition/definition.js';
import type { StepStatus } from './workflow-step.entity.js';

const SHAPES: Record<StepKind, readonly [string, string]> = {
  task: ['[', ']'],
  wait_for: ['([', '])'],
  wait_until: ['([', '])'],
  workflow: ['[[', ']]'],
};

const CLASSES: Record<StepStatus, string> = {
  pending: 'fill:#f6f8fa,stroke:#8c959f,color:#57606a',
  starting: 'fill:#ddf4ff,stroke:#0969da,color:#0a3069',
  running: 'fill:#ddf4ff,stroke:#0969da,color:#0a3069',
  completed: 'fill:#dafbe1,stroke:#1a7f37,color:#116329',
  failed: 'fill:#ffebe9,stroke:#cf222e,color:#82071e',
  skipped: 'fill:#f6f8fa,stroke:#8c959f,color:#8c959f,stroke-dasharray:4 3',
  cancelled: 'fill:#fff8c5,stroke:#9a6700,color:#7d4e00',
};

/** A run, or without states a definition, as a Mermaid flowchart. @param statusOf the state of a step, and what is written below its name */
export function mermaidOf(
  { steps }: Definition,
  statusOf: (name: string) => { status: StepStatus; note: string },
): string {
  const used = new Set<StepStatus>();
  const lines = ['flowchart TD'];
  for (const step of steps) {
    const { status, note } = statusOf(step.name);
    used.add(status);
    lines.push(`  ${node(step, note)}:::${status}`);
  }
  for (const { name, needs, on_failure } of steps) {
    for (const need of needs) lines.push(`  ${id(need)} --> ${id(name)}`);
    const run = typeof on_failure === 'string' ? [] : on_failure.run;
    for (const handler of run) lines.push(`  ${id(name)} -. on failure .-> ${id(handler)}`);
  }
  for (const status of used) lines.push(`  classDef ${status} ${CLASSES[status]}`);
  return lines.join('\n');
}

function node(step: StepSpec, note: string): string {
  const [open, close] = SHAPES[kindOf(step)];
  const label = note === '' ? step.name : `${step.name}<br/>${note}`;
  return `${id(step.name)}${open}"${label}"${close}`;
}

/** Mermaid has words of its own, `end` above all. */
function id(name: string): string {
  return `s_${name}`;
}
