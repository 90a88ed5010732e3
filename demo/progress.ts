import { fit, isLive, mark, say, seconds, style, write } from './terminal.js';

/** Shows what each of several tasks is doing, until `stop`. */
export interface Progress {
  /** @param state a status of a task */
  state(name: string, state: string): void;
  /** A line of its log, e.g. `[   0.346] out: ok 1`. */
  line(name: string, text: string): void;
  stop(): void;
}

export function showProgress(names: readonly string[]): Progress {
  const width = Math.max(...names.map((name) => name.length));
  return isLive ? new LiveProgress(names, width) : new PlainProgress(width);
}

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 80;
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

interface Row {
  state: string;
  startedAtMs: number;
  endedAtMs: number | null;
  line: string;
}

/** One line a task, drawn again in place. */
class LiveProgress implements Progress {
  private readonly rows: Map<string, Row>;
  private readonly timer: NodeJS.Timeout;
  private readonly showCursor = (): void => write(SHOW_CURSOR);
  private frame = 0;
  private drawn = false;

  constructor(
    names: readonly string[],
    private readonly width: number,
  ) {
    const row = (): Row => ({ state: 'queued', startedAtMs: performance.now(), endedAtMs: null, line: '' });
    this.rows = new Map(names.map((name) => [name, row()]));
    write(HIDE_CURSOR);
    process.once('exit', this.showCursor);
    this.draw();
    this.timer = setInterval(() => this.draw(), FRAME_MS);
  }

  state(name: string, state: string): void {
    const row = this.rows.get(name)!;
    row.state = state;
    if (!['queued', 'pending', 'starting', 'running'].includes(state)) row.endedAtMs = performance.now();
  }

  line(name: string, text: string): void {
    const words = text.replace(/^\[ *[\d.]+\] \w+: /, '').trim();
    if (words !== '') this.rows.get(name)!.line = words;
  }

  stop(): void {
    clearInterval(this.timer);
    this.draw();
    this.showCursor();
    process.off('exit', this.showCursor);
  }

  private draw(): void {
    this.frame += 1;
    const up = this.drawn ? `\x1b[${this.rows.size}A` : '';
    const lines = [...this.rows].map(([name, row]) => `\r\x1b[2K${this.render(name, row)}\n`);
    write(up + lines.join(''));
    this.drawn = true;
  }

  private render(name: string, { state, startedAtMs, endedAtMs, line }: Row): string {
    const elapsed = seconds((endedAtMs ?? performance.now()) - startedAtMs).padStart(7);
    const plain = `  x ${name.padEnd(this.width)}  ${state.padEnd(9)} ${elapsed}  `;
    const words = style('dim', fit(line, plain.length));
    return `  ${this.mark(state)} ${style('bold', name.padEnd(this.width))}  ${state.padEnd(9)} ${elapsed}  ${words}`;
  }

  private mark(state: string): string {
    if (state === 'completed') return mark(true);
    if (state === 'queued' || state === 'pending') return style('dim', '○');
    if (state === 'skipped') return style('dim', '–');
    return state === 'running' || state === 'starting'
      ? style('cyan', FRAMES[this.frame % FRAMES.length])
      : mark(false);
  }
}

/** Every change and every line of the logs once, below each other. */
class PlainProgress implements Progress {
  constructor(private readonly width: number) {}

  state(name: string, state: string): void {
    say(`  ${name.padEnd(this.width)}  ${state}`);
  }

  line(name: string, text: string): void {
    if (!/^\[ *[\d.]+\] \w+: *$/.test(text)) say(`  ${name.padEnd(this.width)}  | ${text}`);
  }

  stop(): void {
    // Nothing is left to be drawn.
  }
}
