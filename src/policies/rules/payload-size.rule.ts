import type { PolicyRule } from '../policy-rule.js';

export const payloadSize: PolicyRule = {
  name: 'payload-size',
  code: 'PAYLOAD_TOO_LARGE',
  description: 'The payload, as JSON, has at most `payload_bytes_max` bytes.',
  check({ payload_bytes: bytes }, { payload_bytes_max: max }) {
    const about = { field: 'payload', value: bytes, allowed: max };
    return bytes <= max
      ? { ...about, outcome: 'passed', message: `A payload of ${bytes} bytes is allowed.` }
      : {
          ...about,
          outcome: 'violated',
          message: `The payload has ${bytes} bytes, ${max} are allowed; put large input into the repository.`,
        };
  },
};
