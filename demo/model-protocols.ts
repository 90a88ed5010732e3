type Json = Record<string, unknown>;

/** What a model says: text, or an object as the form that was asked for. */
export interface Said {
  say: string | Json;
  inputTokens?: number;
  outputTokens?: number;
}

/** The answer to a question in the wire protocol of its path; undefined where there is none. */
export function modelAnswer(
  path: string,
  question: Json,
  { say, inputTokens = 100, outputTokens = 20 }: Said,
): Json | undefined {
  return FORMS[path]?.(question, say, inputTokens, outputTokens);
}

type Form = (question: Json, say: string | Json, input: number, output: number) => Json;

/** Anthropic (messages) and OpenAI (responses, chat completions). */
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
export function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    ['system', 'messages', 'input', 'instructions', 'content', 'text'].includes(key) ? textsOf(each) : [],
  );
}
