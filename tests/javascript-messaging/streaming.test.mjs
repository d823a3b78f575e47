// Receivers that are handed what comes until they are closed: `subscribe` of both clients.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";
import { ServiceBusClient } from "@azure/service-bus";
import Long from "long";
import { eventHub, impatient, serviceBus, ways } from "./namespace.mjs";

const client = new ServiceBusClient(serviceBus, impatient);
after(() => client.close());
const numbers = (from, count) => Array.from({ length: count }, (_, n) => from + n);
const sorted = (some) => some.toSorted((one, other) => one - other);
const send = (sender, some) => sender.sendMessages(some.map((body) => ({ body })));

/** Until the question is answered with true. */
async function until(question, what) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await question()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`not within 10 s: ${what()}`);
}

/** What a receiver is handed, and what went wrong meanwhile. */
function subscribe(receiver, options, each = async () => {}) {
  const seen = { bodies: [], errors: [] };
  const processMessage = async (message) => {
    seen.bodies.push(message.body);
    await each(message);
  };
  const processError = async ({ error }) => seen.errors.push(error);
  const stream = receiver.subscribe({ processMessage, processError }, options);
  const told = () => `${seen.bodies.length} messages, ${seen.errors}`;
  return { ...seen, close: () => stream.close(), has: (count) => until(() => seen.bodies.length >= count, told) };
}

/** All that is there, locked or not. Without a number each look begins where the last one ended. */
const peek = (receiver) => receiver.peekMessages(100, { fromSequenceNumber: Long.ZERO });
const left = async (receiver) => (await peek(receiver)).map((message) => message.body);

for (const receiveMode of ["peekLock", "receiveAndDelete"]) {
  for (const [name, way] of ways) {
    test(`a stream over ${name}, ${receiveMode}: what is there, what comes, and nothing after its end`, async () => {
      const own = new ServiceBusClient(...way(serviceBus));
      const queue = `stream-${receiveMode}-${name}`;
      const [sender, receiver] = [own.createSender(queue), own.createReceiver(queue, { receiveMode })];
      await send(sender, numbers(0, 100));
      const stream = subscribe(receiver, { maxConcurrentCalls: 7 });
      await stream.has(100);
      for (const body of numbers(100, 20)) await send(sender, [body]);
      await stream.has(120);
      await until(async () => (await left(receiver)).length === 0, () => "messages are left");
      await stream.close();
      await send(sender, [120]);
      // One that waits is given to nobody who does not ask, and is there for the next one.
      const again = own.createReceiver(queue, { receiveMode });
      const [last] = await again.receiveMessages(1, { maxWaitTimeInMs: 5_000 });
      assert.equal(last.body, 120);
      if (receiveMode === "peekLock") await again.completeMessage(last);
      assert.deepEqual([sorted(stream.bodies), stream.errors], [numbers(0, 120), []]);
      await own.close();
    });
  }
}

test("a stream whose handler settles, and one whose handler fails", async () => {
  const [sender, receiver] = [client.createSender("by-hand"), client.createReceiver("by-hand")];
  await send(sender, numbers(0, 9));
  // One at a time: of two that are settled differently in one turn of Node.js, rhea 3.0.5 says of both
  // what is true of the first (write_dispositions in lib/session.js), to Azure as well.
  const stream = subscribe(receiver, { autoCompleteMessages: false, maxConcurrentCalls: 1 }, async (message) => {
    if (message.body % 3 === 0) await receiver.completeMessage(message);
    else if (message.body % 3 === 1) await receiver.deadLetterMessage(message, { deadLetterReason: "one" });
    else if (message.deliveryCount === 0) await receiver.abandonMessage(message, { tried: true });
    else await receiver.deferMessage(message);
  });
  await stream.has(12);
  assert.deepEqual(sorted(stream.bodies), [0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8]);
  await until(async () => (await left(receiver)).length === 3, () => "not settled");
  const deferred = await peek(receiver);
  assert.deepEqual(deferred.map((message) => [message.body, message.state]), [2, 5, 8].map((body) => [body, "deferred"]));
  await stream.close();
  const dead = client.createReceiver("by-hand", { subQueueType: "deadLetter" });
  assert.deepEqual(sorted(await left(dead)), [1, 4, 7]);

  // What the client did not complete by itself, because its handler failed, comes again.
  const failing = client.createReceiver("failing");
  const other = client.createSender("failing");
  await send(other, [0, 1]);
  const retried = subscribe(failing, {}, async (message) => {
    if (message.body === 1 && message.deliveryCount < 2) throw new Error(`try ${message.deliveryCount}`);
  });
  await retried.has(4);
  await until(async () => (await left(failing)).length === 0, () => "messages are left");
  await retried.close();
  assert.deepEqual(sorted(retried.bodies), [0, 1, 1, 1]);
  assert.deepEqual(retried.errors.map((error) => error.message), ["try 0", "try 1"]);
});

test("a stream of a session", async () => {
  const sender = client.createSender("talks");
  await sender.sendMessages(numbers(0, 30).map((body) => ({ body, sessionId: body % 2 ? "odd" : "even" })));
  const receiver = await client.acceptSession("talks", "odd");
  const stream = subscribe(receiver, {});
  await stream.has(15);
  await stream.close();
  assert.deepEqual(stream.bodies, numbers(0, 15).map((n) => 2 * n + 1));
  assert.deepEqual(stream.errors, []);
  await receiver.close();
});

/** A checkpoint store in memory, as the client wants one. */
class Checkpoints {
  owners = new Map();
  points = new Map();
  listOwnership = async () => [...this.owners.values()];
  claimOwnership = async (claims) =>
    claims.map((claim) => {
      const owner = { ...claim, etag: `${Math.random()}`, lastModifiedTimeInMs: Date.now() };
      this.owners.set(claim.partitionId, owner);
      return owner;
    });
  updateCheckpoint = async (point) => void this.points.set(point.partitionId, point);
  listCheckpoints = async () => [...this.points.values()];
}

test("events of all partitions, and where it stopped it goes on", async () => {
  const producer = new EventHubProducerClient(eventHub("checkpoints"));
  const partitions = await producer.getPartitionIds();
  const publish = async (from) => {
    for (const [at, partitionId] of partitions.entries()) {
      await producer.sendBatch(numbers(from, 5).map((body) => ({ body: 100 * at + body })), { partitionId });
    }
  };
  const checkpoints = new Checkpoints();
  const read = async (count) => {
    const loadBalancingOptions = { strategy: "greedy", updateIntervalInMs: 500 };
    const consumer = new EventHubConsumerClient("$Default", eventHub("checkpoints"), checkpoints, { loadBalancingOptions });
    const [events, errors] = [[], []];
    const processEvents = async (some, context) => {
      events.push(...some);
      if (some.length > 0) await context.updateCheckpoint(some.at(-1));
    };
    const start = { startPosition: { offset: "-1" }, maxWaitTimeInSeconds: 1 };
    const stream = consumer.subscribe({ processEvents, processError: async (error) => errors.push(error) }, start);
    await until(() => events.length >= count, () => `${events.length} events, ${errors}`);
    await stream.close();
    await consumer.close();
    assert.deepEqual(errors, []);
    return sorted(events.map((event) => event.body));
  };
  const expected = (from) => partitions.flatMap((_, at) => numbers(100 * at + from, 5));
  await publish(0);
  assert.deepEqual(await read(20), expected(0));
  await publish(5);
  assert.deepEqual(await read(20), expected(5));
  await producer.close();
});
