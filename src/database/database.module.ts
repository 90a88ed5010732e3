import { type DynamicModule, Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { Settings } from '../config/settings.js';
import { dataSourceOptions } from './data-source-options.js';
import { migrateSchema } from './migrate-schema.js';
import { PortableDataSource } from './portable-data-source.js';
import { fileProblem, isNewFile } from './sqlite-file.js';

type Migrations = Parameters<typeof dataSourceOptions>[2];

/** Connects, brings the schema up to date, and proves that commits are durable, before anything else starts. */
@Module({})
export class DatabaseModule {
  static forRoot(migrations: Migrations): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      imports: [
        TypeOrmModule.forRootAsync({
          inject: [Settings],
          useFactory: (settings: Settings) => ({
            ...dataSourceOptions(settings, [], migrations),
            autoLoadEntities: true,
            retryAttempts: 0,
          }),
          dataSourceFactory: (options) => openDatabase(options!),
        }),
      ],
    };
  }
}

async function openDatabase(options: DataSourceOptions): Promise<DataSource> {
  if (options.type !== 'better-sqlite3') return openAndMigrate(options);
  const isNew = isNewFile(options.database);
  const dataSource = await openAndMigrate(options).catch((error: unknown) => {
    throw fileProblem(options.database, error) ?? error;
  });
  if (isNew)
    new Logger('Database').log(`There was no database ${options.database}: a new, empty one was made`);
  return dataSource;
}

async function openAndMigrate(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await new PortableDataSource(options).initialize();
  await assertDurable(dataSource);
  const ran = await migrateSchema(dataSource);
  if (ran.length > 0) new Logger('Database').log(`Schema brought up to date: ${ran.join(', ')}`);
  return dataSource;
}

/** An acknowledged task must survive a power cut: WAL with synchronous=FULL, or fsync and synchronous_commit on. */
async function assertDurable(dataSource: PortableDataSource): Promise<void> {
  if (dataSource.dialect === 'postgres') {
    const [{ fsync, commit }] = await dataSource.query<[{ fsync: string; commit: string }]>(
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
    );
    if (fsync === 'off' || commit === 'off') {
      new Logger('Database').warn(
        `PostgreSQL runs with fsync=${fsync}, synchronous_commit=${commit}: acknowledged tasks may be lost in a power cut`,
      );
    }
    return;
  }
  const [{ journal_mode: journal }] =
    await dataSource.query<[{ journal_mode: string }]>('PRAGMA journal_mode');
  const [{ synchronous }] = await dataSource.query<[{ synchronous: number }]>('PRAGMA synchronous');
  if (dataSource.options.database !== ':memory:' && (journal !== 'wal' || synchronous !== 2)) {
    throw new Error(
      `SQLite is not durable: journal_mode=${journal}, synchronous=${synchronous} (wal and 2 are needed)`,
    );
  }
}
