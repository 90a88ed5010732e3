import { Injectable } from '@nestjs/common';

/** The only source of wall-clock time in the product, so that a test can own it. Durations use `performance.now()`. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }
}
