import { describe, expect, it } from '@jest/globals';
import { policyVersion } from './policy-document.js';
import { readPolicy } from './read-policy.js';

const MINIMAL = "version: 1\ntypes: ['*']\nrepositories: ['https://**']\nenvironments: ['*']\n";

function problems(yaml: string): string[] {
  const reading = readPolicy(yaml);
  return 'problems' in reading ? reading.problems : [];
}

function version(yaml: string): string {
  const reading = readPolicy(yaml);
  if ('problems' in reading) throw new Error(reading.problems.join('\n'));
  return policyVersion(reading.policy);
}

describe('the policy file', () => {
  it('needs types, repositories and environments; everything else has the default that the API has', () => {
    expect(readPolicy(MINIMAL)).toEqual({
      policy: {
        version: 1,
        types: ['*'],
        timeout_seconds: { min: 1, max: 86_400 },
        repositories: ['https://**'],
        environments: ['*'],
        payload_bytes_max: 262_144,
        callbacks: { hosts: ['*'] },
        grants: [],
        agents: [],
      },
    });
    expect(problems('version: 1').map((problem) => problem.split(':')[0])).toEqual(
      expect.arrayContaining(['types', 'repositories', 'environments']),
    );
  });

  it('lists every problem with its place', () => {
    const found = problems(`
version: 2
types: build
timeout_seconds: { min: 0, max: 90000, avg: 5 }
repositories: ['!https://evil.example/**', '']
environments: [dev]
payload_bytes_max: 1048576
callback: { hosts: ['*'] }
grants:
  - { network: true, types: [build], repositories: ['**'], environments: ['**'] }
  - { network: yes please, types: [build], environments: ['**'] }
`);
    for (const place of [
      'version: ',
      'types: ',
      'timeout_seconds.min: ',
      'timeout_seconds.max: ',
      'timeout_seconds.avg: is not a key of a policy',
      'repositories: each glob says what is allowed',
      'repositories: each value in repositories must be longer than',
      'payload_bytes_max: ',
      'callback: is not a key of a policy',
      'grants[1].network: ',
      'grants[1].repositories: ',
    ]) {
      expect(found).toContainEqual(expect.stringContaining(place));
    }
    expect(found.filter((problem) => problem.startsWith('grants[0]'))).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ['broken YAML', `${MINIMAL}grants: [`, /line 5/],
    ['a key given twice', `${MINIMAL}types: [build]\n`, /unique.*line 5/i],
    ['an unknown tag', `${MINIMAL}grants: !!js/function x\n`, /tag/],
    ['a list', '- version: 1', /one mapping/],
    ['an empty file', '', /one mapping/],
    ['two documents', `${MINIMAL}---\n${MINIMAL}`, /document/],
    ['an unknown alias', `${MINIMAL}grants: *nobody\n`, /alias/i],
    ['min over max', `${MINIMAL}timeout_seconds: { min: 20, max: 10 }\n`, /min must not be greater than max/],
    ['a section left empty', `${MINIMAL}grants:\n`, /grants: /],
    ['a section of the wrong kind', `${MINIMAL}timeout_seconds: 900\n`, /timeout_seconds: /],
    ['grants in a list too deep', `${MINIMAL}grants: [[{ network: true }]]\n`, /grants\[0\]/],
  ])('refuses %s', (_what, yaml, message) => {
    expect(problems(yaml).join('\n')).toMatch(message);
  });

  it('has a version that names its content, not its spelling', () => {
    const reordered =
      "# ours\nenvironments: ['*']\nrepositories: ['https://**']\ngrants: []\ntypes: ['*']\nversion: 1\n";
    expect(version(MINIMAL)).toMatch(/^[0-9a-f]{16}$/);
    expect(version(reordered)).toBe(version(MINIMAL));
    expect(version(`${MINIMAL}payload_bytes_max: 1000\n`)).not.toBe(version(MINIMAL));
  });
});
