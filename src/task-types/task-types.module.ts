import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TaskTypeRegistry } from './task-type-registry.js';

@Global()
@Module({ imports: [DiscoveryModule], providers: [TaskTypeRegistry], exports: [TaskTypeRegistry] })
export class TaskTypesModule {}
