/**
 * The built tower with two subscribers that write down what they are told, each line in one piece: for tests with several
 * processes. EVENT_NOTES names the file. Lines: begin|end <subscriber> <event id> <delivery id> <attempt> <pid>.
 */
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Logger, Module } from '@nestjs/common';

const built = (path) => import(pathToFileURL(resolve(import.meta.dirname, '../../dist/src', path)).href);
const { createApp, listen } = await built('app.js');
const { settingsFromEnvironment } = await built('config/environment.js');
const { EventSubscribers } = await built('events/event-subscribers.js');
const { EventsModule } = await built('events/events.module.js');
const { OrchestratorService } = await built('orchestrator/orchestrator.service.js');

const { EVENT_NOTES: notes } = process.env;

function subscriber(name) {
  return {
    name,
    handles: ['durable.*'],
    timeoutSeconds: 60,
    maxAttempts: 3,
    concurrency: 8,
    handle: async (event, { deliveryId, attempt }) => {
      const line = `${name} ${event.id} ${deliveryId} ${attempt} ${process.pid}\n`;
      appendFileSync(notes, `begin ${line}`);
      await delay(Math.random() * 20);
      appendFileSync(notes, `end ${line}`);
      return null;
    },
  };
}

class Notes {
  constructor(subscribers) {
    for (const name of ['agent:first', 'agent:second']) subscribers.add(subscriber(name));
  }
}
Reflect.defineMetadata('design:paramtypes', [EventSubscribers], Notes);
Module({ imports: [EventsModule] })(Notes);

const settings = settingsFromEnvironment();
const app = await createApp(settings, [Notes]);
process.once('SIGTERM', () => {
  void app
    .get(OrchestratorService)
    .stop()
    .then(() => app.close())
    .then(() => process.exit(0));
});
const url = settings.role === 'worker' ? null : await listen(app, settings);
const logger = new Logger('Main');
if (url !== null) logger.log(`API ${url}`);
logger.log('Database is open');
