import { Module } from '@nestjs/common';
import { ProcessRunner } from './process-runner.js';
import { Sandbox } from './sandbox.js';

@Module({ providers: [Sandbox, ProcessRunner], exports: [Sandbox, ProcessRunner] })
export class SandboxModule {}
