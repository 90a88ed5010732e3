import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Consequences } from '../events/consequences.js';
import { TaskEntity } from './task.entity.js';

/** Tells which tasks an event led to. */
@Injectable()
export class TaskConsequences {
  constructor(@InjectRepository(TaskEntity) tasks: Repository<TaskEntity>, consequences: Consequences) {
    consequences.add(async (cause, limit) => {
      const found = await tasks.find({
        where: { causedById: cause.id, causedByKind: cause.kind },
        order: { createdAt: 'ASC', id: 'ASC' },
        take: limit,
      });
      return found.map(({ id, type, status, createdAt }) => ({ kind: 'task', id, type, status, createdAt }));
    });
  }
}
