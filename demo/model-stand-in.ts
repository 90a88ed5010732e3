import { randomBytes } from 'node:crypto';
import type { Findings } from '../src/agents/build-doctor/diagnosis.js';
import { ModelServer, sayTo } from './model-server.js';

export const STAND_IN_MODEL = 'stand-in-of-the-demo';

/** Anthropic's API as far as build-doctor needs it, answered by a regular expression. */
export function modelStandIn(): Promise<ModelServer> {
  return ModelServer.listening((question, response) => {
    const say = { ...findingsOf(logIn(question.text)) };
    const inputTokens = Math.ceil(question.text.length / 4);
    sayTo(question, response, { say, inputTokens, outputTokens: Math.ceil(JSON.stringify(say).length / 4) });
  });
}

/** What makes a tower ask the stand-in. For a real model, the key alone. */
export function standInEnvironment({ url }: ModelServer): Record<string, string> {
  return {
    ANTHROPIC_API_KEY: randomBytes(16).toString('hex'),
    JCT_AI_MODEL: STAND_IN_MODEL,
    JCT_AI_BASE_URL: url,
    // The stand-in listens on loopback, which the outbound guard keeps from everybody else.
    JCT_ALLOW_PRIVATE_TARGETS: 'true',
  };
}

/** The log in a question of build-doctor: between marks that are made up for each question. */
function logIn(text: string): string {
  return /<(log-[0-9a-f]{16})>\n([\s\S]*?)\n<\/\1>/.exec(text)?.[2] ?? '';
}

/** What the log says of the first test that failed, as Node's test runner writes it. */
export function findingsOf(log: string): Findings {
  const lines = log.split('\n').map((line) => line.replace(/^\[ *[\d.]+\] \w+: ?/, ''));
  const at = lines.findIndex((line) => /^\s*✖ .+ \([\d.]+ms\)$/.test(line));
  if (at < 0) return NOTHING_FOUND;
  const test = lines[at].replace(/^\s*✖ (.+) \([\d.]+ms\)$/, '$1');
  const [error = '', difference = ''] = lines.slice(at + 1).filter((line) => line.trim() !== '');
  const file = /^test at (\S+):\d+:\d+$/m.exec(lines.join('\n'))?.[1];
  return {
    category: 'test',
    summary: `The test "${test}" fails${file === undefined ? '' : ` (${file})`}.`,
    cause: `An assertion does not hold: ${difference.trim()}`,
    evidence: [lines[at], error, difference].map((line) => line.trim()).filter((line) => line !== ''),
    suggestions: [`Compare what "${test}" expects with the code, and correct the one that is wrong.`],
    confidence: 'medium',
    follow_up: {
      type: 'test',
      script: `node --test --test-name-pattern=${shellQuoted(test)}`,
      reason: 'It would show whether the test also fails alone.',
    },
  };
}

const NOTHING_FOUND: Findings = {
  category: 'unknown',
  summary: 'The log names no test that failed.',
  cause: 'The stand-in knows the words of the test runner of Node only.',
  evidence: [],
  suggestions: ['Ask a real model.'],
  confidence: 'low',
  follow_up: null,
};

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
