import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import request from 'supertest';
import { MIGRATIONS } from '../../migrations/migrations.js';
import { CallbacksModule } from '../../src/callbacks/callbacks.module.js';
import { CallbacksService } from '../../src/callbacks/callbacks.service.js';
import { CommonModule } from '../../src/common/common.module.js';
import { newId } from '../../src/common/ids.js';
import { ConfigModule } from '../../src/config/config.module.js';
import { readSettings } from '../../src/config/settings.js';
import { DatabaseModule } from '../../src/database/database.module.js';
import { ProblemFilter } from '../../src/http/problem.filter.js';
import { requestContext } from '../../src/http/request-context.js';
import { SignalsModule } from '../../src/signals/signals.module.js';
import { TaskTypesModule } from '../../src/task-types/task-types.module.js';
import { TaskQueue } from '../../src/tasks/queue/task-queue.js';
import { TaskControl } from '../../src/tasks/queue/task-control.js';
import { TasksModule } from '../../src/tasks/tasks.module.js';
import { onBothDatabases, type TestDatabase } from '../support/databases.js';
import { newTask } from '../support/new-task.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

onBothDatabases('callbacks over REST', (create) => {
  let database: TestDatabase;
  let folder: string;
  let app: INestApplication<Server>;
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    database = await create();
    folder = await mkdtemp(join(tmpdir(), 'jct-callbacks-'));
    receiver = await WebhookReceiver.listening();
    const settings = readSettings({
      DATABASE_URL: database.url,
      JCT_ALLOW_PRIVATE_TARGETS: 'true',
      JCT_WEBHOOK_SECRET_FILE: join(folder, 'webhook-secret'),
    });
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.forRoot(settings),
        CommonModule,
        DatabaseModule.forRoot(MIGRATIONS),
        SignalsModule,
        TaskTypesModule,
        TasksModule,
        CallbacksModule,
      ],
    }).compile();
    app = module.createNestApplication();
    app.use(requestContext);
    app.useGlobalFilters(new ProblemFilter());
    await app.init();
  });
  afterEach(async () => {
    await app.get(CallbacksService).stop();
    await app.close();
    await receiver.down();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  async function endOne(): Promise<string> {
    const task = newTask({ callbackUrl: receiver.url });
    // Not exported to others: only intake hands tasks in.
    await app.get(TaskControl, { strict: false }).insert(task);
    const tasks = app.get(TaskQueue, { strict: false });
    const claimant = { workerId: 'w', queue: 'default', types: ['test'], leaseSeconds: 60 };
    const [{ runId }] = await tasks.claim(claimant, 1);
    await tasks.settle(runId, { status: 'completed', result: {} }, null);
    return task.id;
  }

  it('shows the callbacks of a task with every attempt, and sends one again under the same id', async () => {
    const taskId = await endOne();
    const service = app.get(CallbacksService);
    service.start();
    await receiver.until(1);
    await service.stop();
    const listed = await request(app.getHttpServer()).get(`/tasks/${taskId}/callbacks`).expect(200);
    const [callback] = listed.body.items;
    expect(listed.body).toEqual({
      items: [
        {
          callback_id: receiver.ids[0],
          task_id: taskId,
          url: receiver.url,
          event: 'task.completed',
          status: 'delivered',
          attempt: 1,
          attempts: [
            { at: expect.any(String), status_code: 204, error: null, duration_ms: expect.any(Number) },
          ],
          last_status_code: 204,
          last_error: null,
          next_attempt_at: null,
          created_at: expect.any(String),
          delivered_at: expect.any(String),
        },
      ],
    });

    const redelivered = await request(app.getHttpServer())
      .post(`/callbacks/${callback.callback_id}/redeliver`)
      .expect(200);
    expect(redelivered.body).toMatchObject({ status: 'pending', attempt: 0, delivered_at: null });
    const again = await request(app.getHttpServer())
      .post(`/callbacks/${callback.callback_id}/redeliver`)
      .expect(409);
    expect(again.body).toMatchObject({ code: 'ILLEGAL_STATE', current_state: 'pending' });
    service.start();
    await receiver.until(2);
    await service.stop();
    expect(receiver.ids).toEqual([callback.callback_id, callback.callback_id]);
    const after = await request(app.getHttpServer()).get(`/tasks/${taskId}/callbacks`).expect(200);
    expect(after.body.items[0]).toMatchObject({ status: 'delivered', attempts: [{}, {}] });
  });

  it('has an empty list for a task without a callback_url', async () => {
    const task = newTask();
    await app.get(TaskControl, { strict: false }).insert(task);
    const { body } = await request(app.getHttpServer()).get(`/tasks/${task.id}/callbacks`).expect(200);
    expect(body).toEqual({ items: [] });
  });

  it.each(['nonsense', newId()])('answers 404 for what does not exist: %s', async (id) => {
    const callback = await request(app.getHttpServer()).post(`/callbacks/${id}/redeliver`).expect(404);
    expect(callback.body.code).toBe('CALLBACK_NOT_FOUND');
    const task = await request(app.getHttpServer()).get(`/tasks/${id}/callbacks`).expect(404);
    expect(task.body.code).toBe('TASK_NOT_FOUND');
  });
});
