import { startPrivatePostgres } from './postgres.mjs';

/** Gives every test file TEST_DATABASE_URL: the server that somebody named, else a private one of this run. */
export default async function () {
  if (process.env.TEST_DATABASE_URL) return;
  const server = await startPrivatePostgres();
  globalThis.privatePostgres = server;
  process.env.TEST_DATABASE_URL = server.url;
}
