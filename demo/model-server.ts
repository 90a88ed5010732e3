import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { modelAnswer, type Said, textsOf } from './model-protocols.js';

export interface AskedQuestion {
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
  /** Everything that was said to the model, as one text. */
  text: string;
}

/** A stand-in for a provider of language models on a loopback port. What it answers is up to whoever makes it. */
export class ModelServer {
  readonly asked: AskedQuestion[] = [];
  private readonly server: Server;

  private constructor(reply: (question: AskedQuestion, response: ServerResponse) => void) {
    this.server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const body = JSON.parse(text) as Record<string, unknown>;
        const { url: path = '/', headers } = request;
        const question = { path, headers, body, text: textsOf(body).join('\n') };
        this.asked.push(question);
        reply(question, response);
      });
    });
  }

  static async listening(
    reply: (question: AskedQuestion, response: ServerResponse) => void,
  ): Promise<ModelServer> {
    const model = new ModelServer(reply);
    model.server.listen(0, '127.0.0.1');
    await once(model.server, 'listening');
    return model;
  }

  /** For JCT_AI_BASE_URL. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Answers in the protocol that the question came in. */
export function sayTo({ path, body }: AskedQuestion, response: ServerResponse, said: Said): void {
  const answer = modelAnswer(path, body, said);
  response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer ?? {}));
}
