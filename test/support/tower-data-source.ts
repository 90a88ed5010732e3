import { MIGRATIONS } from '../../migrations/migrations.js';
import { readSettings } from '../../src/config/settings.js';
import { dataSourceOptions } from '../../src/database/data-source-options.js';
import { migrateSchema } from '../../src/database/migrate-schema.js';
import { PortableDataSource } from '../../src/database/portable-data-source.js';
import { ENTITIES } from '../../ormconfig.js';

/** A data source with the tower's entities and the schema up to date. */
export async function towerDataSource(databaseUrl: string, migrate = true): Promise<PortableDataSource> {
  const settings = readSettings({ DATABASE_URL: databaseUrl });
  const dataSource = new PortableDataSource(dataSourceOptions(settings, ENTITIES, MIGRATIONS));
  await dataSource.initialize();
  if (migrate) await migrateSchema(dataSource);
  return dataSource;
}
