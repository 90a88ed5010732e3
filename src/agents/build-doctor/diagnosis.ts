import { z } from 'zod';
import type { JsonObject } from '../../common/json.js';
import type { ThoughtCost } from '../ai/mind.js';

export const CATEGORIES = [
  'code',
  'test',
  'dependency',
  'configuration',
  'environment',
  'infrastructure',
  'timeout',
  'unknown',
] as const;

/** Never deploy, cleanup or notify: what a model has in mind stays inside a sandbox. */
export const FOLLOW_UP_TYPES = ['build', 'test', 'scan'] as const;

/** What the model is asked for. All members are required, as strict modes of providers want; lengths are cut by us. */
export const FINDINGS = z.object({
  category: z.enum(CATEGORIES).describe('What kind of cause it is.'),
  summary: z.string().describe('One sentence: what failed.'),
  cause: z.string().describe('Why it failed, as far as the log shows.'),
  evidence: z.array(z.string()).describe('Lines of the log that show it, copied exactly. At most 10.'),
  suggestions: z.array(z.string()).describe('What a person should do, most useful first. At most 5.'),
  confidence: z.enum(['low', 'medium', 'high']),
  follow_up: z
    .object({
      type: z.enum(FOLLOW_UP_TYPES),
      script: z.string().describe('A bash script that would confirm the cause, without network.'),
      reason: z.string(),
    })
    .nullable()
    .describe('A task that would tell more, on the same repository; null when the cause is clear.'),
});

export type Findings = z.infer<typeof FINDINGS>;

export interface FollowUp {
  proposed: NonNullable<Findings['follow_up']>;
  outcome: 'accepted' | 'refused' | 'not_handed_in';
  task_id: string | null;
  /** Of the refusal, as in the API. */
  code: string | null;
  message: string | null;
  violations: JsonObject[];
}

/** What is stored and told. */
export interface Diagnosis {
  version: 1;
  task_id: string;
  run: number;
  task_type: string;
  trace_path: string;
  event_id: string;
  agent: string;
  diagnosed_at: string;
  category: Findings['category'];
  summary: string;
  cause: string;
  /** `in_log` is false for a line that the model made up. */
  evidence: { line: string; in_log: boolean }[];
  suggestions: string[];
  confidence: Findings['confidence'];
  follow_up: FollowUp | null;
  log_bytes_read: number;
  log_bytes: number;
  cost: ThoughtCost;
}

const TEXT_MAX = 2_000;
const LINE_MAX = 500;

/** The findings within bounds, each line of evidence compared with the log that was shown. */
export function bounded(
  { summary, cause, evidence, suggestions, ...findings }: Findings,
  log: string,
): Pick<Diagnosis, 'category' | 'confidence' | 'summary' | 'cause' | 'evidence' | 'suggestions'> {
  return {
    category: findings.category,
    confidence: findings.confidence,
    summary: cut(summary, LINE_MAX),
    cause: cut(cause, TEXT_MAX),
    evidence: evidence.slice(0, 10).map((line) => ({
      line: cut(line, LINE_MAX),
      in_log: line.trim() !== '' && log.includes(line.trim()),
    })),
    suggestions: suggestions.slice(0, 5).map((suggestion) => cut(suggestion, LINE_MAX)),
  };
}

/** For people. */
export function asMarkdown(diagnosis: Diagnosis): string {
  const { follow_up: followUp, cost } = diagnosis;
  const made = (line: string): string => `    ${line.replaceAll('\n', '\n    ')}`;
  return [
    `# ${oneLine(diagnosis.summary)}`,
    `Task ${diagnosis.task_id}, run ${diagnosis.run} (${diagnosis.task_type}). Category: ${diagnosis.category}. ` +
      `Confidence: ${diagnosis.confidence}. Written by ${diagnosis.agent} with ${cost.model} at ${diagnosis.diagnosed_at}: ` +
      'a guess of a language model, not a fact.',
    `## Cause\n\n${diagnosis.cause}`,
    `## Evidence\n\n${diagnosis.evidence.map(({ line, in_log: inLog }) => made(inLog ? line : `(not in the log) ${line}`)).join('\n')}`,
    `## Suggestions\n\n${diagnosis.suggestions.map((suggestion) => `- ${oneLine(suggestion)}`).join('\n')}`,
    ...(followUp === null ? [] : [followUpSection(followUp)]),
  ]
    .join('\n\n')
    .concat('\n');
}

function followUpSection({ proposed, outcome, task_id: taskId, message }: FollowUp): string {
  const became = taskId === null ? `${outcome}: ${message}` : `${outcome}: task ${taskId}`;
  return `## Follow-up\n\nA ${proposed.type} task, ${became}\n\n${oneLine(proposed.reason)}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}
