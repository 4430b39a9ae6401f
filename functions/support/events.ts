import type { PublishEvent } from './report.ts';

/** Puts events on the account's default bus. The client is loaded at the first event. Rejects when the bus does not take it. */
export function makeEventPublisher(region: string): PublishEvent {
  const load = async () => {
    const { EventBridgeClient, PutEventsCommand } = await import('@aws-sdk/client-eventbridge');
    const client = new EventBridgeClient({ region });
    return (detailType: string, detail: object) =>
      client.send(
        new PutEventsCommand({
          Entries: [{ Source: 'tamis', DetailType: detailType, Detail: JSON.stringify(detail) }],
        }),
      );
  };
  let loading: ReturnType<typeof load> | undefined;
  return async (detailType, detail) => {
    loading ??= load();
    const send = await loading;
    const { FailedEntryCount = 0 } = await send(detailType, detail);
    if (FailedEntryCount > 0) throw new Error('EventRefused');
  };
}
