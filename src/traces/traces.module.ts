import { Module } from '@nestjs/common';
import { TraceStore } from './trace-store.js';

@Module({ providers: [TraceStore], exports: [TraceStore] })
export class TracesModule {}
