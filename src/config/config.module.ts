import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule as NestConfigModule } from '@nestjs/config';
import { Settings } from './settings.js';

/**
 * Gives the validated settings to every module. Extensions may inject Nest's ConfigService as well: it answers
 * `get('jct.leaseSeconds')` from the same object and reads no environment of its own.
 */
@Module({})
export class ConfigModule {
  static forRoot(settings: Settings): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      imports: [
        NestConfigModule.forRoot({
          isGlobal: true,
          cache: true,
          ignoreEnvFile: true,
          ignoreEnvVars: true,
          load: [() => ({ jct: settings })],
        }),
      ],
      providers: [{ provide: Settings, useValue: settings }],
      exports: [Settings],
    };
  }
}
