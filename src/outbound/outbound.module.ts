import { Module } from '@nestjs/common';
import { OutboundClient } from './outbound-client.js';
import { OutboundFetch } from './outbound-fetch.js';
import { OutboundGuard } from './outbound-guard.js';
import { Resolver } from './resolver.js';

@Module({
  providers: [Resolver, OutboundGuard, OutboundClient, OutboundFetch],
  exports: [OutboundGuard, OutboundClient, OutboundFetch],
})
export class OutboundModule {}
