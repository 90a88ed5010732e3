import { stripVTControlCharacters, styleText } from 'node:util';
import { isTerminalCapable } from './environment.js';

const { stdout } = process;

/** Lines may be drawn again in place. Elsewhere (a pipe, a file, CI) every line is written once. */
export const isLive = isTerminalCapable();
/** Node asks NO_COLOR, FORCE_COLOR and TERM for this. */
const coloured = isLive && stdout.hasColors();

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

export function style(format: Style | Style[], text: string): string {
  return coloured ? styleText(format, text) : text;
}

export function mark(ok: boolean): string {
  return ok ? style('green', '✔') : style('red', '✖');
}

export function write(text: string): void {
  stdout.write(text);
}

export function say(line = ''): void {
  write(`${line}\n`);
}

export function heading(title: string): void {
  say(`\n${style('bold', title)}`);
}

/** Cut to the width of the terminal, since a line that wraps cannot be drawn again in place. Styles count nothing. */
export function fit(plain: string, used: number): string {
  const room = Math.max(10, (stdout.columns || 80) - used - 1);
  // eslint-disable-next-line no-control-regex -- what a task prints must not move the cursor
  const clean = stripVTControlCharacters(plain).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  const letters = [...clean];
  return letters.length <= room ? clean : `${letters.slice(0, room - 1).join('')}…`;
}

/** Columns that stand below each other; the last is as wide as it is. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => stripVTControlCharacters(row[column]).length)),
  );
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const missing = column === row.length - 1 ? 0 : widths[column] - stripVTControlCharacters(cell).length;
      return cell + ' '.repeat(missing);
    });
    say(`  ${cells.join('  ').trimEnd()}`);
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  return `${(count / 1_024).toFixed(1)} KiB`;
}
