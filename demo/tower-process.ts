import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DemoError } from './demo-error.js';
import { towerEnvironment } from './environment.js';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const READY_MS = 60_000;
const KILL_AFTER_MS = 10_000;
const LAST_LINES = 15;

/** A tower of the demo's own. All it writes, its database, traces and workspaces, stays below the folder it runs in. */
export class TowerProcess {
  private readonly ended: Promise<unknown>;
  private readonly lastLines: string[] = [];
  private readonly killAtExit = (): void => void this.child.kill('SIGKILL');

  private constructor(private readonly child: ChildProcess) {
    this.ended = once(child, 'exit').catch(() => undefined);
    // The last resort, should the demo itself break: a tower must not outlive it.
    process.once('exit', this.killAtExit);
  }

  static launch(folder: string): TowerProcess {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [MAIN], { cwd: folder, env: towerEnvironment(), stdio: [...stdio] });
    const tower = new TowerProcess(child);
    const log = createWriteStream(join(folder, 'tower.log'));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        tower.lastLines.push(line);
        if (tower.lastLines.length > LAST_LINES) tower.lastLines.shift();
      });
    }
    return tower;
  }

  /** The address of the API, as soon as the tower is ready to take and to run tasks. */
  async ready(signal: AbortSignal): Promise<string> {
    const url = await this.address(signal);
    const patience = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
    for (;;) {
      const answer = await fetch(`${url}/readyz`, { signal: patience }).catch((error: unknown) => {
        signal.throwIfAborted();
        throw this.failure(`The tower does not answer: ${(error as Error).message}.`);
      });
      await answer.body?.cancel();
      if (answer.ok) return url;
      await sleep(50, undefined, { signal: patience });
    }
  }

  /** Lets what runs end, and insists after ten seconds. */
  async stop(): Promise<void> {
    const insist = setTimeout(this.killAtExit, KILL_AFTER_MS);
    this.child.kill('SIGTERM');
    if (this.child.exitCode === null && this.child.signalCode === null) await this.ended;
    clearTimeout(insist);
    process.off('exit', this.killAtExit);
  }

  /** It says so in its log: `API http://127.0.0.1:41233   documentation ...`. */
  private async address(signal: AbortSignal): Promise<string> {
    const lines = createInterface({ input: this.child.stdout! });
    const giveUp = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
    const close = (): void => lines.close();
    giveUp.addEventListener('abort', close);
    try {
      for await (const line of lines) {
        const url = /"message":"API (http:\/\/\S+)/.exec(line)?.[1];
        if (url !== undefined) return url;
      }
    } finally {
      giveUp.removeEventListener('abort', close);
    }
    signal.throwIfAborted();
    throw this.failure('The tower did not start.');
  }

  private failure(message: string): DemoError {
    return new DemoError(`${message} It said last:\n${this.lastLines.map((line) => `  ${line}`).join('\n')}`);
  }
}
