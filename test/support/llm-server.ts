import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;

export interface AskedQuestion {
  path: string;
  headers: IncomingHttpHeaders;
  body: Json;
  /** Everything that was said to the model, as one text. */
  text: string;
}

/** What the stand-in does with one question. */
export type LlmBehaviour =
  /** Answers; an object as the form that was asked for. */
  | { say: string | Json; inputTokens?: number; outputTokens?: number }
  /** Refuses, as the provider does. */
  | { status: number; headers?: Record<string, string> }
  /** Answers 200 with this text. */
  | { raw: string }
  /** Never answers. */
  | { hang: true };

/**
 * A stand-in for a provider of language models on a loopback port: speaks the wire protocols of Anthropic (messages) and
 * OpenAI (responses, chat completions), and does as it is told.
 */
export class LlmServer {
  readonly asked: AskedQuestion[] = [];
  /** What comes next; when there is none, `always`. */
  readonly next: LlmBehaviour[] = [];
  always: LlmBehaviour = { say: 'Certainly.' };
  private readonly arrivals = new EventEmitter();
  private readonly server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const question = JSON.parse(body) as Json;
      const path = request.url!;
      this.asked.push({ path, headers: request.headers, body: question, text: textsOf(question).join('\n') });
      this.arrivals.emit('question');
      answer(response, path, question, this.next.shift() ?? this.always);
    });
  });

  static async listening(): Promise<LlmServer> {
    const llm = new LlmServer();
    llm.server.listen(0, '127.0.0.1');
    await once(llm.server, 'listening');
    return llm;
  }

  /** For JCT_AI_BASE_URL. */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** Resolves when at least `count` questions have come since the beginning. */
  async until(count: number): Promise<void> {
    while (this.asked.length < count) await once(this.arrivals, 'question');
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function answer(response: ServerResponse, path: string, question: Json, behaviour: LlmBehaviour): void {
  if ('hang' in behaviour) return;
  if ('raw' in behaviour) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(behaviour.raw);
    return;
  }
  if ('status' in behaviour) {
    const error = { type: 'error', message: `stand-in refuses with ${behaviour.status}` };
    response
      .writeHead(behaviour.status, { 'content-type': 'application/json', ...behaviour.headers })
      .end(JSON.stringify({ type: 'error', error }));
    return;
  }
  const { say, inputTokens = 100, outputTokens = 20 } = behaviour;
  const form = FORMS[path];
  if (form === undefined) response.writeHead(404).end('{}');
  else
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(form(question, say, inputTokens, outputTokens)));
}

type Form = (question: Json, say: string | Json, input: number, output: number) => Json;

const FORMS: Record<string, Form> = {
  '/v1/messages': (question, say, input, output) => {
    const tools = (question['tools'] ?? []) as { name: string }[];
    const byTool = typeof say !== 'string' && tools.some(({ name }) => name === 'json');
    return {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: question['model'],
      content: byTool
        ? [{ type: 'tool_use', id: 'toolu_1', name: 'json', input: say }]
        : [{ type: 'text', text: asText(say) }],
      stop_reason: byTool ? 'tool_use' : 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: input, output_tokens: output },
    };
  },
  '/v1/responses': (question, say, input, output) => ({
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: question['model'],
    output: [
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: asText(say), annotations: [] }],
      },
    ],
    usage: { input_tokens: input, output_tokens: output, total_tokens: input + output },
  }),
  '/v1/chat/completions': (question, say, input, output) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: question['model'],
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: asText(say) },
        finish_reason: 'stop',
        logprobs: null,
      },
    ],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  }),
};

function asText(say: string | Json): string {
  return typeof say === 'string' ? say : JSON.stringify(say);
}

/** Every text in a question, in any of the protocols. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    ['system', 'messages', 'input', 'instructions', 'content', 'text'].includes(key) ? textsOf(each) : [],
  );
}
