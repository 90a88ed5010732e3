/**
 * Everything that a rule may look at: facts about a request, after normalisation. The gate knows no task, so whoever asks
 * (intake, a dry run, a replay) translates into this form; keys are spelled as in the API, so that `RuleCheck.field`
 * points into the request that the caller sent.
 */
export interface PolicyInput {
  readonly type: string;
  /** Bytes of the payload as UTF-8 JSON. */
  readonly payload_bytes: number;
  readonly priority: string;
  readonly source: string;
  readonly target: PolicyTarget | null;
  readonly options: PolicyOptions;
  readonly callback: PolicyCallback | null;
  readonly tags: readonly string[];
  /** Name of the key that asks; null where no key is needed. */
  readonly actor: string | null;
}

export interface PolicyTarget {
  /** Display form: `https://host/path`, `ssh://...`, `git@host:path`, or the absolute path of a local one; no password. */
  readonly repository: string | null;
  readonly ref: string | null;
  readonly environment: string | null;
  readonly path: string | null;
}

export interface PolicyOptions {
  readonly timeout_seconds: number;
  readonly retries: number;
  readonly queue: string;
  readonly sandbox: PolicySandbox;
}

export interface PolicySandbox {
  readonly mode: 'required' | 'preferred' | 'none';
  readonly network: boolean;
  readonly memory_mb?: number;
  readonly processes?: number;
  readonly file_mb?: number;
}

export interface PolicyCallback {
  readonly url: string;
  /** Host name in lower case, without port. */
  readonly host: string;
  /** What the outbound guard has against the URL, as a sentence; null when nothing. */
  readonly refusal: string | null;
}
