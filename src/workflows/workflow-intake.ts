import { Injectable } from '@nestjs/common';
import { ValidationError, type Violation } from '../common/errors.js';
import type { JsonObject } from '../common/json.js';
import { Signals } from '../signals/signals.js';
import { TaskIntake } from '../tasks/task-intake.js';
import { CodeWorkflows } from './code-workflows.js';
import { checkDefinition, definitionHash } from './definition/check-definition.js';
import type { Definition } from './definition/definition.js';
import { type SavedWorkflow, WorkflowStore } from './workflow-store.js';

/** Takes definitions over HTTP: everything that is wrong with one is said at once, and nothing wrong is stored. */
@Injectable()
export class WorkflowIntake {
  constructor(
    private readonly intake: TaskIntake,
    private readonly code: CodeWorkflows,
    private readonly store: WorkflowStore,
    private readonly signals: Signals,
  ) {}

  /**
   * @param replace an existing workflow gets a new version; without it its name is taken
   * @throws ValidationError with every violation
   */
  async take(sent: JsonObject, replace: boolean, by: string | null): Promise<SavedWorkflow> {
    const { definition, violations } = checkDefinition(sent, this.intake);
    const found = [
      ...violations,
      ...(await this.checkName(definition, replace)),
      ...(await this.checkCalls(definition)),
    ];
    if (found.length > 0) throw new ValidationError(found, 'VALIDATION_FAILED', 'The workflow is not right.');
    const saved = await this.store.save(definition, 'api', by, replace);
    // Somebody else was first, in this very moment.
    if (saved.outcome === 'taken') throw new ValidationError([nameTaken(definition.name)]);
    if (saved.outcome !== 'same') this.signals.announce('workflows');
    return saved;
  }

  private async checkName(definition: Definition, replace: boolean): Promise<Violation[]> {
    const { name } = definition;
    if (this.code.has(name)) {
      const message = `the workflow "${name}" comes with the program and is changed there`;
      return [{ pointer: '/name', code: 'DUPLICATE_NAME', message }];
    }
    const known = name === '' ? null : await this.store.find(name);
    if (known === null || replace || known.hash === definitionHash(definition)) return [];
    return [nameTaken(name)];
  }

  /** Workflows that are started by steps: there must be such, and none may come back to where it began. */
  private async checkCalls(definition: Definition): Promise<Violation[]> {
    const found: Violation[] = [];
    for (const [index, { workflow }] of definition.steps.entries()) {
      if (workflow === null) continue;
      const pointer = `/steps/${index}/workflow/name`;
      if (await this.leadsTo(workflow.name, definition.name)) {
        const message = `workflow "${workflow.name}" would start "${definition.name}" again, and so on for ever`;
        found.push({ pointer, code: 'WORKFLOW_CYCLE', message });
      } else if ((await this.store.find(workflow.name)) === null) {
        const message = `there is no workflow "${workflow.name}"`;
        found.push({ pointer, code: 'UNKNOWN_WORKFLOW', message });
      }
    }
    return found;
  }

  private async leadsTo(from: string, to: string): Promise<boolean> {
    const open = [from];
    const seen = new Set<string>();
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (name === to) return true;
      if (seen.has(name)) continue;
      seen.add(name);
      const steps = (await this.store.find(name))?.definition.steps ?? [];
      open.push(...steps.flatMap(({ workflow }) => (workflow === null ? [] : [workflow.name])));
    }
    return false;
  }
}

function nameTaken(name: string): Violation {
  const message = `there is a workflow "${name}" already; ask for ?replace=true to make a new version of it`;
  return { pointer: '/name', code: 'DUPLICATE_NAME', message };
}
