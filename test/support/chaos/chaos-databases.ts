import { DATABASES, type DatabaseName } from '../databases.js';
import { startPrivatePostgres } from '../postgres.mjs';
import { chaos, type ChaosPlan, chaosSeed } from './chaos.js';

export const DATABASE_NAMES = DATABASES.map(({ name }) => name);

/** Chaos on a database of its own; PostgreSQL on a server of its own, since that is crashed too. */
export async function chaosOn(name: DatabaseName, plan: ChaosPlan): Promise<string[]> {
  if (name === 'PostgreSQL') {
    const server = await startPrivatePostgres();
    return chaos(chaosSeed(), server.url, server, plan).finally(() => server.stop());
  }
  const database = await DATABASES.find((each) => each.name === name)!.create();
  return chaos(chaosSeed(), database.url, null, plan).finally(() => database.drop());
}
