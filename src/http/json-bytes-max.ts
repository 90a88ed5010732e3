import { ValidateBy, type ValidationOptions } from 'class-validator';

/** Bounds a JSON value by its size on the wire: bytes of its shortest UTF-8 form. */
export function JsonBytesMax(bytesMax: number, options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'jsonBytesMax',
      constraints: [bytesMax],
      validator: {
        validate: (value) => value === undefined || jsonBytes(value) <= bytesMax,
        defaultMessage: (args) => `${args?.property ?? 'it'} must be at most ${bytesMax} bytes of JSON`,
      },
    },
    options,
  );
}

/** Bytes of the value as UTF-8 JSON without white space. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
