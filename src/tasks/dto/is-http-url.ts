import { ValidateBy, type ValidationOptions } from 'class-validator';

/** An absolute http or https URL. Whether the tower may call it is for policy and the outbound guard to say. */
export function IsHttpUrl(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isHttpUrl',
      validator: {
        validate: (value) =>
          typeof value === 'string' &&
          URL.canParse(value) &&
          ['http:', 'https:'].includes(new URL(value).protocol),
        defaultMessage: (args) => `${args?.property} must be an absolute http or https URL`,
      },
    },
    options,
  );
}
