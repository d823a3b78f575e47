import assert from "node:assert/strict";
import { test } from "node:test";
import { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } from "@azure/event-hubs";
import { eventHub, impatient, ways } from "./namespace.mjs";

const GROUP = "$Default";

/** So many events of a partition, from a position on. */
async function receive(client, partition, startPosition, count) {
  const events = [];
  await new Promise((resolve, reject) => {
    const subscription = client.subscribe(
      partition,
      {
        processEvents: async (batch) => {
          events.push(...batch);
          if (events.length >= count) resolve(subscription.close());
        },
        processError: async (error) => reject(error),
      },
      { startPosition, maxWaitTimeInSeconds: 1 },
    );
  });
  return events;
}

for (const [index, [name, way]] of ways.entries()) {
  test(`batches and properties over ${name}`, async () => {
    const [string, options] = way(eventHub());
    const partition = String(index);
    const producer = new EventHubProducerClient(string, options);
    const properties = await producer.getEventHubProperties();
    assert.deepEqual(properties.partitionIds, ["0", "1", "2", "3"]);
    const batch = await producer.createBatch({ partitionId: partition });
    assert.ok(batch.tryAdd({ body: { temperature: 21.5 }, properties: { room: "Room_11" } }));
    assert.ok(batch.tryAdd({ body: "two", messageId: "m2", correlationId: "c2" }));
    assert.ok(!batch.tryAdd({ body: "x".repeat(1_100_000) }));
    await producer.sendBatch(batch);
    await producer.sendBatch([{ body: "three" }], { partitionId: partition });
    const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties(partition);
    assert.equal(lastEnqueuedSequenceNumber, 2);
    const consumer = new EventHubConsumerClient(GROUP, string, options);
    const [one, two, three] = await receive(consumer, partition, earliestEventPosition, 3);
    assert.deepEqual([one.body, one.properties], [{ temperature: 21.5 }, { room: "Room_11" }]);
    assert.deepEqual([two.body, two.messageId, two.correlationId], ["two", "m2", "c2"]);
    assert.deepEqual([three.body, three.sequenceNumber], ["three", 2]);
    const [again] = await receive(consumer, partition, { sequenceNumber: 1, isInclusive: true }, 1);
    assert.equal(again.body, "two");
    await Promise.all([producer.close(), consumer.close()]);
  });
}

test("a partition key keeps its partition", async () => {
  const producer = new EventHubProducerClient(eventHub("keys"));
  for (const body of ["one", "two"]) await producer.sendBatch([{ body }], { partitionKey: "room 11" });
  const ids = await producer.getPartitionIds();
  const all = await Promise.all(ids.map((id) => producer.getPartitionProperties(id)));
  const [used, ...others] = all.sort((a, b) => b.lastEnqueuedSequenceNumber - a.lastEnqueuedSequenceNumber);
  assert.equal(used.lastEnqueuedSequenceNumber, 1);
  assert.ok(others.every((partition) => partition.isEmpty));
  const consumer = new EventHubConsumerClient(GROUP, eventHub("keys"));
  const events = await receive(consumer, used.partitionId, earliestEventPosition, 2);
  assert.deepEqual(events.map((event) => [event.body, event.partitionKey]), [["one", "room 11"], ["two", "room 11"]]);
  await Promise.all([producer.close(), consumer.close()]);
});

test("a wrong key and an unknown hub are refused", async () => {
  const wrong = eventHub().replace("SharedAccessKey=", "SharedAccessKey=x");
  for (const [string, code] of [[wrong, "UnauthorizedError"], [eventHub("nothing"), "MessagingEntityNotFoundError"]]) {
    const producer = new EventHubProducerClient(string, impatient);
    await assert.rejects(producer.sendBatch([{ body: "x" }]), { code });
    await producer.close();
  }
});
