import { ConsoleLogger, type LogLevel } from '@nestjs/common';

export interface ProcessLogOptions {
  logLevel: 'error' | 'warn' | 'info' | 'debug';
  logFormat: 'auto' | 'json' | 'pretty';
  debug: boolean;
}

/** What Nest says of its own wiring; 60 lines a start that no operator needs. */
const WIRING = new Set([
  'NestFactory',
  'InstanceLoader',
  'RouterExplorer',
  'RoutesResolver',
  'NestApplication',
]);

const LEVELS: Record<ProcessLogOptions['logLevel'], LogLevel[]> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/** The log of the process, on standard output: JSON lines, or for a person on a terminal. */
export class ProcessLog extends ConsoleLogger {
  private readonly showWiring: boolean;

  constructor({ logLevel, logFormat, debug }: ProcessLogOptions) {
    const json = logFormat === 'json' || (logFormat === 'auto' && !process.stdout.isTTY);
    const level = debug ? 'debug' : logLevel;
    super({ json, colors: !json && process.stdout.isTTY, logLevels: LEVELS[level] });
    this.showWiring = level === 'debug';
  }

  override log(message: unknown, ...context: string[]): void {
    if (!this.showWiring && WIRING.has(context.at(-1) ?? '')) return;
    super.log(message, ...context);
  }
}
