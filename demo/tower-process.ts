import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DemoError } from './demo-error.js';
import { towerEnvironment } from './environment.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const KILL_AFTER_MS = 10_000;
const LAST_LINES = 12;

/** A tower of the demo's own. All it writes, its database, traces and workspaces, stays below the folder it runs in. */
export class TowerProcess {
  private readonly child;
  private readonly ended: Promise<unknown>;
  private readonly address: Promise<string>;
  private readonly lastLines: string[] = [];
  private readonly kill = (): void => void this.child.kill('SIGKILL');
  private stopping = false;

  /**
   * @param onDeath called when the tower ends although nobody stopped it
   * @param environment settings beside those that every demo has
   */
  constructor(folder: string, onDeath: (error: DemoError) => void, environment: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [MAIN], {
      cwd: folder,
      env: { ...towerEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // The last resort, should the demo itself break: a tower must not outlive it.
    process.once('exit', this.kill);
    this.ended = once(this.child, 'close').catch(() => undefined);
    void this.ended.then(() => {
      if (!this.stopping) onDeath(new DemoError(`The tower ended by itself. ${this.lastWords()}`));
    });
    const log = createWriteStream(join(folder, 'tower.log'));
    this.address = new Promise((resolve) => {
      for (const stream of [this.child.stdout, this.child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          log.write(`${line}\n`);
          this.lastLines.splice(0, this.lastLines.length - LAST_LINES + 1);
          this.lastLines.push(line);
          // `API http://127.0.0.1:41233   documentation ...`: the port is known when the system has given it.
          const url = /"message":"API (http:\/\/\S+)/.exec(line)?.[1];
          if (url !== undefined) resolve(url);
        });
      }
    });
  }

  /** The address of the API, as soon as the tower is ready to take and to run tasks. */
  async ready(signal: AbortSignal): Promise<string> {
    const url = await Promise.race([this.address, rejection(signal)]);
    for (;;) {
      const answer = await fetch(`${url}/readyz`, { signal });
      await answer.body?.cancel();
      if (answer.ok) return url;
      await sleep(50, undefined, { signal });
    }
  }

  lastWords(): string {
    const lines = this.lastLines.map((line) => `\n  ${line}`).join('');
    return lines === '' ? 'It said nothing.' : `It said last:${lines}`;
  }

  /** Insists after ten seconds. @param hurry what runs is not waited for: to a tower that stops already, a signal means that */
  async stop(hurry: boolean): Promise<void> {
    this.stopping = true;
    const insist = setTimeout(this.kill, KILL_AFTER_MS);
    this.child.kill('SIGTERM');
    // Another one: two equal signals may arrive as one.
    if (hurry) this.child.kill('SIGINT');
    await this.ended;
    clearTimeout(insist);
    process.off('exit', this.kill);
  }
}

async function rejection(signal: AbortSignal): Promise<never> {
  signal.throwIfAborted();
  await once(signal, 'abort');
  throw signal.reason;
}
