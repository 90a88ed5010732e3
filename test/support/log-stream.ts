export interface LogEvent {
  event: string;
  id: string;
  data: string;
}

/** The events of `GET /tasks/{id}/logs` as they arrive; ends with the stream. */
export function followLogs(
  url: string,
  taskId: string,
  headers: Record<string, string> = {},
): AsyncGenerator<LogEvent> {
  return followStream(`${url}/tasks/${taskId}/logs`, headers);
}

/**
 * Server-sent events as they arrive, read by their rules; ends with the stream.
 *
 * @param opened called when the answer has begun
 */
export async function* followStream(
  address: string,
  headers: Record<string, string> = {},
  opened: () => void = () => undefined,
): AsyncGenerator<LogEvent> {
  const aborter = new AbortController();
  const response = await fetch(address, {
    headers: { Accept: 'text/event-stream', ...headers },
    signal: aborter.signal,
  });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  opened();
  try {
    let pending = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const blocks = (pending + decoder.decode(chunk, { stream: true })).split('\n\n');
      pending = blocks.pop()!;
      for (const block of blocks) if (!block.startsWith(':')) yield parse(block);
    }
  } finally {
    aborter.abort();
  }
}

function parse(block: string): LogEvent {
  const lines = block.split('\n').map((line) => /^(\w+): ?(.*)$/s.exec(line)!);
  const field = (name: string): string =>
    lines
      .filter(([, key]) => key === name)
      .map(([, , value]) => value)
      .join('\n');
  return { event: field('event'), id: field('id'), data: field('data') };
}
