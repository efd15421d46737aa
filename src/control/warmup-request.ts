// Requests about warm-up: what they may say.

const NAME = { type: 'string', minLength: 1, maxLength: 100 };
const VOLUME_MAX = 1_000_000_000;

export const WARMUP = { type: 'object', properties: { source: NAME }, additionalProperties: false };
export const WARMUP_DAYS = {
  type: 'object',
  required: ['provider'],
  properties: { provider: NAME },
  additionalProperties: false,
};
export const WARMUP_CHANGE = {
  type: 'object',
  required: ['change'],
  properties: {
    provider: NAME,
    change: {
      oneOf: [
        {
          type: 'object',
          required: ['do', 'volume'],
          properties: { do: { const: 'set' }, volume: { type: 'integer', minimum: 1, maximum: VOLUME_MAX } },
          additionalProperties: false,
        },
        {
          type: 'object',
          required: ['do'],
          properties: { do: { enum: ['advance', 'hold', 'resume', 'reset'] } },
          additionalProperties: false,
        },
      ],
    },
  },
  additionalProperties: false,
};
