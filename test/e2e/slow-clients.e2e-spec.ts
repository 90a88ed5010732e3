import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DATABASES, type TestDatabase } from '../support/databases.js';
import { Tower } from '../support/tower.js';

const CLIENTS = 200;

describe('a tower with clients that never finish their headers', () => {
  let database: TestDatabase;
  let tower: Tower;

  beforeAll(async () => {
    database = await DATABASES[0].create();
    tower = await Tower.start(database.url);
  });
  afterAll(async () => {
    await tower?.stop();
    await database?.drop();
  });

  async function slowClient(): Promise<Socket> {
    const { hostname, port } = new URL(tower.url);
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    await once(socket, 'connect');
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    return socket;
  }

  it('F44 serves others meanwhile, and ends each with 408 when its time is over', async () => {
    const startedAt = performance.now();
    const sockets = await Promise.all(Array.from({ length: CLIENTS }, slowClient));
    expect((await tower.api.get('/readyz')).status).toBe(200);
    const answers = await Promise.all(
      sockets.map(async (socket) => {
        let answer = '';
        socket.on('data', (text: string) => (answer += text)).on('error', () => undefined);
        await once(socket, 'close');
        return answer;
      }),
    );
    // 10 s for the headers, looked at every 2 s.
    expect((performance.now() - startedAt) / 1_000).toBeLessThan(20);
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      expect(answer).toContain('"code":"REQUEST_TIMEOUT"');
    }
  });
});
