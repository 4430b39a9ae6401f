/** What we use of autocannon 9, which comes without types. */
declare module 'autocannon' {
  export default function autocannon(options: {
    readonly url: string;
    readonly connections: number;
    readonly duration: number;
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | Buffer;
  }): Promise<{ readonly errors: number; readonly non2xx: number; readonly '2xx': number }>;
}
