import { Module } from '@nestjs/common';
import { ProductionNeedsRelease } from './production-needs-release.rule.js';
import { ReleaseGate } from './release-gate.workflow.js';
import { ReleaseNotesExecutor } from './release-notes.executor.js';
import { ReleaseScribe } from './release-scribe.agent.js';

/** What the release team adds to the tower. */
@Module({ providers: [ReleaseNotesExecutor, ProductionNeedsRelease, ReleaseScribe, ReleaseGate] })
export class ReleaseModule {}
