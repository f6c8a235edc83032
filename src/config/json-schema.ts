import { PATTERN } from '../protocol/names.ts';
import { formats } from './formats.ts';
import type { Format } from './format.ts';
import { settingsSchema, sourceKeys, topicSchema } from './schema.ts';
import type { Key } from './schema.ts';

/** The configuration as a JSON Schema, by which an editor completes keys and marks mistakes. `chimed check` knows more. */
export function jsonSchema(): object {
  const settings = Object.entries(settingsSchema).map(([section, keys]) => [section, mapping(keys)]);
  const topic = {
    ...mapping(topicSchema),
    oneOf: sourceKeys.map((source) => ({ required: [source] })),
  };
  const topics = { type: 'object', propertyNames: { pattern: PATTERN.source }, additionalProperties: topic };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'The configuration of chimed',
    type: 'object',
    properties: { ...Object.fromEntries(settings), topics },
    patternProperties: { '^x-': {} },
    additionalProperties: false,
  };
}

function mapping(keys: Readonly<Record<string, Key>>): object {
  const properties = Object.entries(keys).map(([name, { doc, format, default: value }]) => {
    const { shape }: Format = formats[format];
    return [name, { description: doc, ...shape, ...(value !== null && { default: value }) }];
  });
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}
