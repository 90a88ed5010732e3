/**
 * What the work resolves to, unless the signal is aborted first: whoever hangs is left behind.
 *
 * @throws Error with the message, or with the reason of the signal
 */
export function within<T>(signal: AbortSignal, work: Promise<T>, message?: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      const { reason } = signal as { reason: unknown };
      const said = reason instanceof Error ? reason.message : String(reason);
      reject(new Error(message ?? said));
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
