/** What the scanner looks for. A secret is never part of its own message. */
export const RULES = [
  {
    id: 'private-key',
    level: 'error',
    pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    text: () => 'A private key: revoke it and remove it from the history.',
  },
  {
    id: 'github-token',
    level: 'error',
    pattern: /\bgh[pousr]_[A-Za-z0-9]{36,}\b/,
    text: () => 'A GitHub token: revoke it and remove it from the history.',
  },
  {
    id: 'aws-access-key',
    level: 'error',
    pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
    text: () => 'An AWS access key: revoke it and remove it from the history.',
  },
  {
    id: 'left-to-do',
    level: 'warning',
    pattern: /\b(?:TODO|FIXME):\s*(\S.*)/,
    text: ([found]) => found.trim(),
  },
];

/** Every finding in a text: `{rule, level, message, line}`, lines from 1. */
export function findingsOf(text) {
  return text.split('\n').flatMap((content, index) =>
    RULES.flatMap(({ id, level, pattern, text: describe }) => {
      const match = pattern.exec(content);
      return match === null ? [] : [{ rule: id, level, message: describe(match), line: index + 1 }];
    }),
  );
}
