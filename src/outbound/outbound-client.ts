import { Injectable } from '@nestjs/common';
import { type Agent, request } from 'undici';
import { guardedAgent, ResolutionError } from './guarded-agent.js';
import { OutboundGuard } from './outbound-guard.js';
import { retryAfterSeconds } from './retry-after.js';
import { USER_AGENT } from './user-agent.js';

export interface OutboundRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string | Buffer;
  /** For everything: resolving, connecting, sending, the whole answer. Default 20,000. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** An answer with any status is `ok`, redirects too: they are not followed. */
export type OutboundResponse =
  | {
      ok: true;
      status: number;
      /** At most 64 KiB, as UTF-8. */
      bodyStart: string;
      /** What the far end asks for with `Retry-After`; null when it does not. */
      retryAfterSeconds: number | null;
      durationMs: number;
    }
  | { ok: false; reason: 'blocked' | 'timeout' | 'network' | 'dns' | 'aborted'; message: string };

type Answer = Extract<OutboundResponse, { ok: true }>;
type Failure = Extract<OutboundResponse, { ok: false }>;

/** The far ends are webhooks: they answer within seconds or are broken. */
const DEFAULT_TIMEOUT_MS = 20_000;
const BODY_BYTES_MAX = 65_536;

/**
 * Sends what leaves the tower, to where the guard lets it: the URL is checked, then every address of its name, and the
 * connection goes to exactly the addresses that were checked. No redirects, no proxy from the environment, no reuse of
 * a connection. Never throws.
 */
@Injectable()
export class OutboundClient {
  constructor(private readonly guard: OutboundGuard) {}

  async post(post: OutboundRequest): Promise<OutboundResponse> {
    // undici asks the lookup below for names only; a literal address must be judged here.
    const refusal = this.guard.checkUrl(post.url);
    if (refusal !== null) return failed('blocked', refusal);

    const timeoutMs = post.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = post.signal ? AbortSignal.any([post.signal, timeout]) : timeout;
    const agent = guardedAgent(this.guard);
    // undici notices an aborted signal only once it is connected; destroying the agent ends a hanging lookup as well.
    const stop = () => void agent.destroy(signal.reason as Error);
    signal.addEventListener('abort', stop);
    const startedMs = performance.now();
    try {
      signal.throwIfAborted();
      const answer = await send(post, agent, signal);
      return { ok: true, ...answer, durationMs: Math.round(performance.now() - startedMs) };
    } catch (error) {
      if (post.signal?.aborted) return failed('aborted', 'The request was called off.');
      if (timeout.aborted) return failed('timeout', `No complete answer within ${timeoutMs} ms.`);
      return failureOf(error);
    } finally {
      signal.removeEventListener('abort', stop);
      void agent.destroy();
    }
  }
}

async function send(
  { url, headers, body }: OutboundRequest,
  dispatcher: Agent,
  signal: AbortSignal,
): Promise<Omit<Answer, 'ok' | 'durationMs'>> {
  const sent = new Headers(headers);
  sent.set('user-agent', USER_AGENT);
  const response = await request(url, { method: 'POST', headers: sent, body, dispatcher, signal });

  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop closes the connection: what lies beyond is not even received.
    if (bytes >= BODY_BYTES_MAX) break;
  }
  const bodyStart = Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX).toString('utf8');
  // A header that comes twice is read as none.
  const header = response.headers['retry-after'];
  const retryAfter = typeof header === 'string' ? header : undefined;
  return {
    status: response.statusCode,
    bodyStart,
    retryAfterSeconds: retryAfterSeconds(retryAfter, new Date()),
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof ResolutionError) return error.resolution;
  const { name, code, reason } = error as NodeJS.ErrnoException & { reason?: string };
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return failed('timeout', 'No connection within 10 s.');
  // Not the error's own message: it may hold an address, a header, or a dump of OpenSSL's error queue.
  return failed('network', `The request failed: ${reason ?? code ?? name}.`);
}

function failed(reason: Failure['reason'], message: string): Failure {
  return { ok: false, reason, message };
}
