import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findingsOf } from '../scripts/rules.js';

// Put together here, or the scanner would find them in this file.
const token = ['ghp', 'x'.repeat(36)].join('_');
const awsKey = ['AK', 'IA', 'IOSFODNN7EXAMPLE'].join('');
const reminder = ['TO', 'DO'].join('');

describe('the scanner', () => {
  it('finds secrets, with their line, and does not repeat them', () => {
    const [first, second] = findingsOf(`const ok = 1;\nconst t = '${token}';\nkey=${awsKey}\n`);
    assert.deepEqual([first.rule, first.level, first.line], ['github-token', 'error', 2]);
    assert.deepEqual([second.rule, second.line], ['aws-access-key', 3]);
    assert.ok(!JSON.stringify([first, second]).includes(token.slice(4)));
  });

  it('reminds of what is left to do', () => {
    const [finding] = findingsOf(`// ${reminder}: tidy up`);
    assert.deepEqual([finding.level, finding.message], ['warning', `${reminder}: tidy up`]);
  });

  it('says nothing about clean text', () => {
    assert.deepEqual(findingsOf('export const answer = 42;\n'), []);
  });
});
