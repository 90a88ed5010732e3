import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Said } from '../../demo/model-protocols.js';
import { type AskedQuestion, ModelServer, sayTo } from '../../demo/model-server.js';

export type { AskedQuestion } from '../../demo/model-server.js';

/** What the stand-in does with one question. */
export type LlmBehaviour =
  /** Answers. */
  | Said
  /** Refuses, as the provider does. */
  | { status: number; headers?: Record<string, string> }
  /** Answers 200 with this text. */
  | { raw: string }
  /** Never answers. */
  | { hang: true };

/** A stand-in for a provider of language models that does as it is told. */
export class LlmServer {
  /** What comes next; when there is none, `always`. */
  readonly next: LlmBehaviour[] = [];
  always: LlmBehaviour = { say: 'Certainly.' };
  private readonly arrivals = new EventEmitter();
  private server: ModelServer;

  static async listening(): Promise<LlmServer> {
    const llm = new LlmServer();
    llm.server = await ModelServer.listening((question, response) => {
      llm.arrivals.emit('question');
      behave(question, response, llm.next.shift() ?? llm.always);
    });
    return llm;
  }

  get asked(): AskedQuestion[] {
    return this.server.asked;
  }

  /** For JCT_AI_BASE_URL. */
  get url(): string {
    return this.server.url;
  }

  /** Resolves when at least `count` questions have come since the beginning. */
  async until(count: number): Promise<void> {
    while (this.asked.length < count) await once(this.arrivals, 'question');
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

function behave(question: AskedQuestion, response: ServerResponse, behaviour: LlmBehaviour): void {
  if ('hang' in behaviour) return;
  if ('raw' in behaviour) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(behaviour.raw);
    return;
  }
  if ('say' in behaviour) {
    sayTo(question, response, behaviour);
    return;
  }
  const { status, headers } = behaviour;
  const error = { type: 'error', message: `stand-in refuses with ${status}` };
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ type: 'error', error }));
}
