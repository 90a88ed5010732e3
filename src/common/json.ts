/** A JSON value as it travels over the wire and stands in a JSON column. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/**
 * A JSON object. `any`, not `JsonValue`: the recursive type does not fit TypeORM's partial-entity types and ends in
 * TS2589 ("excessively deep"); every value of this type was parsed and checked at intake.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type JsonObject = Record<string, any>;
