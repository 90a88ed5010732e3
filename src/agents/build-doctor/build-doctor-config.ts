import { IsInt, Max, Min } from 'class-validator';

/** What JCT_AGENTS_FILE may say of `build-doctor`. */
export class BuildDoctorConfig {
  /** How much of the end of the log the model is shown. */
  @IsInt() @Min(256) @Max(262_144) log_tail_bytes = 12_000;

  /** Of one answer. */
  @IsInt() @Min(100) @Max(32_000) output_tokens_max = 1_500;
}
