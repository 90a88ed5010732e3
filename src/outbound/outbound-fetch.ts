import { Injectable } from '@nestjs/common';
import { request } from 'undici';
import { guardedAgent, ResolutionError } from './guarded-agent.js';
import { OutboundGuard } from './outbound-guard.js';
import { USER_AGENT } from './user-agent.js';

const BODY_BYTES_MAX = 4_194_304;

/** Where the guard does not let a request go; trying again does not help. */
export class OutboundRefusal extends Error {}

/**
 * `fetch` for libraries that bring their own client of some service: the same guard, and the same promises, as
 * OutboundClient. No redirects, no streaming: the answer is read whole, up to 4 MiB.
 */
@Injectable()
export class OutboundFetch {
  constructor(private readonly guard: OutboundGuard) {}

  /** @throws OutboundRefusal, TypeError when the request failed on its way, as `fetch` does */
  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input);
    const refusal = this.guard.checkUrl(url);
    if (refusal !== null) throw new OutboundRefusal(refusal);
    const { signal } = init;
    const agent = guardedAgent(this.guard);
    try {
      signal?.throwIfAborted();
      return await send(url, init, agent);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof ResolutionError && error.resolution.reason === 'blocked') {
        throw new OutboundRefusal(error.message);
      }
      throw new TypeError('fetch failed', { cause: error });
    } finally {
      void agent.destroy();
    }
  };
}

async function send(
  url: string,
  init: RequestInit,
  dispatcher: ReturnType<typeof guardedAgent>,
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('user-agent', USER_AGENT);
  const {
    statusCode,
    headers: received,
    body,
  } = await request(url, {
    method: (init.method ?? 'GET') as 'GET' | 'POST',
    headers,
    body: (init.body ?? null) as string | Uint8Array | null,
    dispatcher,
    signal: init.signal,
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`The answer has more than ${BODY_BYTES_MAX} bytes.`);
    chunks.push(chunk);
  }
  const pairs = Object.entries(received).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
  const hasNoBody = [204, 205, 304].includes(statusCode);
  return new Response(hasNoBody ? null : Buffer.concat(chunks), { status: statusCode, headers: pairs });
}
