import { DefaultNamingStrategy, type NamingStrategyInterface } from 'typeorm';

/** camelCase properties, snake_case columns: hand-written SQL is then the same on both databases, without quotes. */
export class SnakeCaseNaming extends DefaultNamingStrategy implements NamingStrategyInterface {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? propertyName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}
