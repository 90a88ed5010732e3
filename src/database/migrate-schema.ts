import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { dialectOf } from './portable-data-source.js';

/** Any number that nobody else locks: "jct" and "migr" in ASCII. */
const ADVISORY_LOCK = 0x6a63_746d;

export class SchemaError extends Error {}

/**
 * Brings the schema up to date: all pending migrations in one transaction under a lock, so that any number of processes
 * may start at once and a failed migration leaves nothing behind.
 *
 * @returns names of the migrations that ran
 * @throws SchemaError when the database holds migrations that this program does not know
 */
export async function migrateSchema(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  let hurryAgain = (): void => undefined;
  try {
    await runner.startTransaction();
    if (dialectOf(dataSource.options) === 'postgres') {
      hurryAgain = await takeYourTime(runner);
      await runner.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    }
    const executor = new MigrationExecutor(dataSource, runner);
    executor.transaction = 'none';
    const ran = await executor.executePendingMigrations();
    refuseNewerSchema(dataSource, await executor.getExecutedMigrations());
    await runner.commitTransaction();
    return ran.map(({ name }) => name);
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    throw error;
  } finally {
    hurryAgain();
    await runner.release();
  }
}

/**
 * Lifts the bounds on this transaction: a migration of a large table, and waiting for that of a sibling, takes longer than
 * any other statement may.
 *
 * @returns what gives this connection its bounds back, those of the server are back with the end of the transaction
 */
async function takeYourTime(runner: QueryRunner): Promise<() => void> {
  await runner.query(`SET LOCAL statement_timeout = 0`);
  await runner.query(`SET LOCAL lock_timeout = '600s'`);
  const client = (await runner.connect()) as { connectionParameters: { query_timeout: number } };
  const bounds = client.connectionParameters;
  const { query_timeout: before } = bounds;
  bounds.query_timeout = 0;
  return () => (bounds.query_timeout = before);
}

function refuseNewerSchema(dataSource: DataSource, executed: { name: string }[]): void {
  const known = new Set(dataSource.migrations.map(({ name, constructor }) => name ?? constructor.name));
  const unknown = executed.map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new SchemaError(
    `The database was migrated by a newer version of the tower (${unknown.join(', ')}). ` +
      'Start that version, or restore a backup that was made before the upgrade.',
  );
}
