/** One process of many that migrate at once: says which migrations it ran. Needs `npm run build`. */
const dist = new URL('../../dist/', import.meta.url).href;
const { default: dataSource } = await import(`${dist}ormconfig.js`);
const { migrateSchema } = await import(`${dist}src/database/migrate-schema.js`);
process.stdout.write('loaded\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
await dataSource.initialize();
process.stdout.write(JSON.stringify(await migrateSchema(dataSource)));
await dataSource.destroy();
process.exit(0);
