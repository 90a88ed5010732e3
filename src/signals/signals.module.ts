import { Global, Module } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { parseDatabaseUrl } from '../database/database-url.js';
import type { Broker } from './broker.js';
import { PostgresBroker } from './postgres-broker.js';
import { RedisBroker } from './redis-broker.js';
import { Relay } from './relay.js';
import { Signals } from './signals.js';

@Global()
@Module({
  providers: [{ provide: Signals, inject: [Settings], useFactory: signalsFor }],
  exports: [Signals],
})
export class SignalsModule {}

export function signalsFor(settings: Settings): Signals {
  const broker = brokerOf(settings);
  return new Signals(broker === null ? undefined : new Relay(broker));
}

/** Redis where it is configured, else the database. Nothing for SQLite: processes that share the file find each other's work by polling. */
function brokerOf({ redisUrl, databaseUrl }: Settings): Broker | null {
  if (redisUrl !== undefined) return new RedisBroker(redisUrl);
  const location = parseDatabaseUrl(databaseUrl);
  return location.dialect === 'postgres' ? new PostgresBroker(location.url) : null;
}
