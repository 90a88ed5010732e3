import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { TaskIntake } from '../tasks/task-intake.js';
import { checkDefinition } from './definition/check-definition.js';
import type { Definition } from './definition/definition.js';
import { WorkflowStore } from './workflow-store.js';
import { type DefinesWorkflow, WORKFLOW_METADATA } from './workflow-definition.decorator.js';

/** Every workflow that comes with the program: found once, proved to be right and unambiguous. */
@Injectable()
export class CodeWorkflows implements OnApplicationBootstrap {
  private readonly logger = new Logger('Workflows');
  private installed: Promise<void> | null = null;
  private found: Definition[] | null = null;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly intake: TaskIntake,
    private readonly store: WorkflowStore,
  ) {}

  /** In every process: also one that only serves the API can then start them. */
  onApplicationBootstrap(): Promise<void> {
    return this.install();
  }

  /** Stores them, once in the life of a process. @throws Error when one is wrong */
  install(): Promise<void> {
    this.installed ??= this.storeAll();
    return this.installed;
  }

  /** @throws Error that names the class and everything that is wrong with its definition */
  definitions(): Definition[] {
    this.found ??= this.find();
    return this.found;
  }

  has(name: string): boolean {
    return this.definitions().some((definition) => definition.name === name);
  }

  private async storeAll(): Promise<void> {
    for (const definition of this.definitions()) {
      const { outcome, workflow } = await this.store.save(definition, 'code', null);
      if (outcome !== 'same')
        this.logger.log(`Workflow ${workflow.name}: version ${workflow.version} stored`);
    }
  }

  private find(): Definition[] {
    const owners = new Map<string, string>();
    const definitions: Definition[] = [];
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !instance) continue;
      if (Reflect.getOwnMetadata(WORKFLOW_METADATA, metatype) !== true) continue;
      const definition = this.checked(metatype.name, instance as DefinesWorkflow);
      const other = owners.get(definition.name);
      if (other === metatype.name) continue;
      if (other !== undefined) {
        throw new Error(
          `Two definitions of the workflow "${definition.name}": ${other} and ${metatype.name}`,
        );
      }
      owners.set(definition.name, metatype.name);
      definitions.push(definition);
    }
    return definitions.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private checked(owner: string, provider: DefinesWorkflow): Definition {
    const { definition, violations } = checkDefinition(provider.define(), this.intake);
    if (violations.length === 0) return definition;
    const lines = violations.map(({ pointer, message }) => `\n  ${pointer}: ${message}`);
    throw new Error(`The workflow "${definition.name}" of ${owner} is not right:${lines.join('')}`);
  }
}
