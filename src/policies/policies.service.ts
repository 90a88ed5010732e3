import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { ConfigurationError, Settings } from '../config/settings.js';
import { builtInPolicy } from './built-in-policy.js';
import { evaluate } from './gate.js';
import { type PolicyDocument, policyVersion } from './policy-document.js';
import type { PolicyInput } from './policy-input.js';
import { type PolicyReading, readPolicy } from './read-policy.js';
import { PolicyRules } from './policy-rules.js';
import type { Verdict } from './verdict.js';

/** What `GET /policies` shows. */
export interface PolicyDescription {
  /** `built-in`, or the absolute path of JCT_POLICY_FILE. */
  source: string;
  version: string;
  /** RFC 3339, UTC. */
  loaded_at: string;
  /** Why the file as it is now is not in force; null while it is. */
  error: string | null;
  document: PolicyDocument;
  rules: { rule: string; code: string; description: string }[];
}

interface PolicyInForce {
  document: PolicyDocument;
  version: string;
  loadedAt: Date;
}

/**
 * The gate of this process. There is always a policy in force: the built-in one, or the last good state of the file.
 *
 * @throws ConfigurationError at boot, listing every problem of the file
 */
@Injectable()
export class PoliciesService {
  private readonly logger = new Logger(PoliciesService.name);
  private readonly path: string | undefined;
  private inForce: PolicyInForce;
  private fingerprint = '';
  private error: string | null = null;

  constructor(
    settings: Settings,
    private readonly clock: Clock,
    private readonly rules: PolicyRules,
  ) {
    if (settings.policyFile === undefined) {
      this.putInForce(builtInPolicy(settings));
      return;
    }
    this.path = resolve(settings.policyFile);
    this.fingerprint = fingerprintOf(this.path);
    const reading = readPolicyFile(this.path);
    if ('problems' in reading) {
      throw new ConfigurationError(
        reading.problems.map((problem) => `JCT_POLICY_FILE ${this.path}: ${problem}`),
      );
    }
    this.putInForce(reading.policy);
  }

  /** What the policy in force says; a change of the file holds from the next call on. Never throws. */
  evaluate(input: PolicyInput): Verdict {
    this.reloadIfChanged();
    return evaluate(input, this.inForce.document, this.inForce.version, this.rules.all());
  }

  describe(): PolicyDescription {
    this.reloadIfChanged();
    const { document, version, loadedAt } = this.inForce;
    return {
      source: this.path ?? 'built-in',
      version,
      loaded_at: loadedAt.toISOString(),
      error: this.error,
      document,
      rules: this.rules.all().map(({ name, code, description }) => ({ rule: name, code, description })),
    };
  }

  /** One stat a call (6 us measured) instead of a watcher: nothing to lose when an editor replaces the file by a rename. */
  private reloadIfChanged(): void {
    if (this.path === undefined) return;
    const fingerprint = fingerprintOf(this.path);
    if (fingerprint === this.fingerprint) return;
    // Taken before reading: what is written in between changes it again and is read by the next call.
    this.fingerprint = fingerprint;

    const reading = readPolicyFile(this.path);
    if ('problems' in reading) {
      this.error = reading.problems.join('; ');
      this.logger.error(`${this.path} is not valid, the last good policy stays in force: ${this.error}`);
      return;
    }
    this.error = null;
    this.putInForce(reading.policy);
    this.logger.log(`Policy ${this.inForce.version} of ${this.path} is in force`);
  }

  private putInForce(document: PolicyDocument): void {
    this.inForce = { document, version: policyVersion(document), loadedAt: this.clock.now() };
  }
}

/** Changes with every write and every replacement; the change time also catches a copy that keeps the modification time. */
function fingerprintOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

function readPolicyFile(path: string): PolicyReading {
  try {
    return readPolicy(readFileSync(path, 'utf8'));
  } catch (error) {
    return { problems: [`cannot be read: ${(error as Error).message}`] };
  }
}
