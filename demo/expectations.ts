/** What was not as expected. The demo goes on, shows everything, and ends with 1 when there is any. */
export class Expectations {
  readonly broken: string[] = [];

  /** @returns whether it holds */
  that(holds: boolean, otherwise: string): boolean {
    if (!holds) this.broken.push(otherwise);
    return holds;
  }
}
