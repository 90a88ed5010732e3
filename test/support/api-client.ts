import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { followLogs } from './log-stream.js';

/** An answer as it came; `body` is the parsed JSON, or the text where it is none. */
export interface Answer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever the API says; the assertions are the types
  body: any;
}

export interface RawRequest {
  method?: string;
  /** Sent as it stands: nothing is resolved or encoded, as a hostile client would. */
  path: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Buffer;
}

/** A client of a tower over real HTTP. */
export class ApiClient {
  constructor(
    readonly url: string,
    private readonly headers: Record<string, string> = {},
  ) {}

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }

  enqueue(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.post('/tasks/enqueue', body, headers);
  }

  /** Hands in a task that must be accepted. @returns its id */
  async accepted(body: unknown, headers: Record<string, string> = {}): Promise<string> {
    const answer = await this.enqueue(body, headers);
    if (answer.status !== 201) throw new Error(`Not accepted: ${JSON.stringify(answer.body)}`);
    return answer.body.task_id as string;
  }

  /** The task as it stands. */
  async task(id: string): Promise<Answer['body']> {
    return (await this.get(`/tasks/${id}`)).body;
  }

  /** The task when it has ended, told by the end of its log stream. */
  async ended(id: string): Promise<Answer['body']> {
    for await (const { event } of followLogs(this.url, id)) if (event === 'end') return this.task(id);
    throw new Error(`The log stream of task ${id} broke off`);
  }

  /** Resolves when the log of the task holds the word. */
  async logged(id: string, word: string): Promise<void> {
    let seen = '';
    for await (const { event, data } of followLogs(this.url, id)) {
      if (event === 'log') seen += `${data}\n`;
      if (seen.includes(word)) return;
      if (event === 'end') break;
    }
    throw new Error(`Task ${id} ended without saying ${word}:\n${seen}`);
  }

  /** Hands in a task and waits for its end. */
  async run(body: unknown): Promise<Answer['body']> {
    return this.ended(await this.accepted(body));
  }

  async raw({ method = 'GET', path, headers = {}, body }: RawRequest): Promise<Answer> {
    const { hostname, port } = new URL(this.url);
    const sent = request({ hostname, port, method, path, headers: { ...this.headers, ...headers } });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return toAnswer(response.statusCode!, new Headers(pairs(response)), await text(response));
  }

  private async send(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...this.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return toAnswer(response.status, response.headers, await response.text());
  }
}

function toAnswer(status: number, headers: Headers, body: string): Answer {
  const isJson = /[/+]json/.test(headers.get('content-type') ?? '');
  return { status, headers, body: isJson ? JSON.parse(body) : body };
}

function pairs({ rawHeaders }: IncomingMessage): [string, string][] {
  return rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1]]] : []));
}
