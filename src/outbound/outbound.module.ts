import { Module } from '@nestjs/common';
import { OutboundClient } from './outbound-client.js';
import { OutboundGuard } from './outbound-guard.js';
import { Resolver } from './resolver.js';

@Module({ providers: [Resolver, OutboundGuard, OutboundClient], exports: [OutboundGuard, OutboundClient] })
export class OutboundModule {}
