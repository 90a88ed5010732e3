import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { Executor } from './executor.js';
import { TASK_TYPES_METADATA, type TaskTypeMetadata } from './executes.decorator.js';

export interface TaskType extends TaskTypeMetadata {
  executor: Executor;
}

/** Every task type that has an executor in this process: found once at boot, proved unambiguous. */
@Injectable()
export class TaskTypeRegistry implements OnModuleInit {
  private readonly types = new Map<string, TaskType>();

  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws Error naming both providers when two execute the same type */
  onModuleInit(): void {
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function' || !instance) continue;
      const found = (Reflect.getOwnMetadata(TASK_TYPES_METADATA, metatype) ?? []) as TaskTypeMetadata[];
      for (const metadata of found) this.register(metadata, instance as Executor);
    }
  }

  find(type: string): TaskType | undefined {
    return this.types.get(type);
  }

  /** Names of all types, sorted. */
  names(): string[] {
    return [...this.types.keys()].sort();
  }

  all(): TaskType[] {
    return this.names().map((name) => this.types.get(name)!);
  }

  private register(metadata: TaskTypeMetadata, executor: Executor): void {
    const { type } = metadata;
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(type)) {
      throw new Error(`@Executes('${type}') on ${executor.constructor.name}: not a valid task type name`);
    }
    const other = this.types.get(type);
    if (other && other.executor !== executor) {
      throw new Error(
        `Two executors for task type '${type}': ${other.executor.constructor.name} and ${executor.constructor.name}`,
      );
    }
    this.types.set(type, { ...metadata, executor });
  }
}
