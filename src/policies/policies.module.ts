import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { PoliciesService } from './policies.service.js';
import { PolicyRules } from './policy-rules.js';

@Module({
  imports: [DiscoveryModule],
  providers: [PoliciesService, PolicyRules],
  exports: [PoliciesService],
})
export class PoliciesModule {}
