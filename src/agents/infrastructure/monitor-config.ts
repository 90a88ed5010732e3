import { IsInt, IsNumber, Max, Min } from 'class-validator';

/** What JCT_AGENTS_FILE may say of `infrastructure-monitor`. A value must be greater than its threshold for an alert. */
export class MonitorConfig {
  /** Between two samples. */
  @IsNumber() @Min(0.05) @Max(3_600) interval_seconds = 60;

  /** How many samples, the first ones, make the baseline; they are a second apart. */
  @IsInt() @Min(1) @Max(100) baseline_samples = 5;

  @IsNumber() @Min(0) @Max(100) cpu_percent = 80;
  @IsNumber() @Min(0) @Max(100) memory_percent = 85;
  @IsNumber() @Min(0) @Max(100) disk_percent = 90;
  /** Load average of the last minute, divided by the number of processors. */
  @IsNumber() @Min(0) @Max(1_000) load_per_cpu = 4;
  /** How long the oldest task that could run has waited. */
  @IsNumber() @Min(0) @Max(864_000) queue_wait_seconds = 300;

  /** An alert is over when the value lies by this part below its threshold. */
  @IsNumber() @Min(0) @Max(100) hysteresis_percent = 5;

  /** The same alert is not raised again within it. */
  @IsNumber() @Min(0) @Max(1_440) cool_down_minutes = 15;
}
