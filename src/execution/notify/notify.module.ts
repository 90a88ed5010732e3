import { Module } from '@nestjs/common';
import { OutboundModule } from '../../outbound/outbound.module.js';
import { NotifyExecutor } from './notify.executor.js';

@Module({ imports: [OutboundModule], providers: [NotifyExecutor], exports: [NotifyExecutor] })
export class NotifyModule {}
