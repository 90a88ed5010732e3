import { Module } from '@nestjs/common';
import { CommandExecutor } from './command/command.executor.js';
import { NotifyModule } from './notify/notify.module.js';
import { SandboxModule } from './sandbox/sandbox.module.js';
import { Checkout } from './workspace/checkout.js';
import { Mirrors } from './workspace/mirrors.js';
import { Workspaces } from './workspace/workspaces.js';

/** What acts on the world. Executors are found by their decorator; what is exported is for housekeeping and status. */
@Module({
  imports: [SandboxModule, NotifyModule],
  providers: [Mirrors, Checkout, Workspaces, CommandExecutor],
  exports: [SandboxModule, Workspaces, CommandExecutor],
})
export class ExecutionModule {}
