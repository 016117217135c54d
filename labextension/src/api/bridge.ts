/** Over a server that is away and comes back: until Lab's event socket is open again, its hints are missed. */

/** Lab tries its socket again after at most 30 s; a moment for the server to accept it. */
const LAB_RETRIES_MS = 32_000;
const EVERY_MS = 3000;

/** From a request that found no server until a hint comes again, or Lab must have its socket: refetch every few seconds. */
export class Bridge {
  private timer: ReturnType<typeof setInterval> | null = null;
  private untilMs = 0;

  constructor(private readonly refetch: () => void) {}

  /** A request found no server. */
  failed(): void {
    this.untilMs = Date.now() + LAB_RETRIES_MS;
    this.timer ??= setInterval(() => {
      if (Date.now() > this.untilMs) {
        this.stop();
      }
      this.refetch();
    }, EVERY_MS);
  }

  /** Something came through the socket. */
  heard(): void {
    if (this.timer !== null) {
      this.stop();
      this.refetch();
    }
  }

  stop(): void {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }
}
