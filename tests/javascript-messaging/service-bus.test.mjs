import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ServiceBusClient } from "@azure/service-bus";
import { impatient, serviceBus, ways } from "./namespace.mjs";

const client = new ServiceBusClient(serviceBus, impatient);
after(() => client.close());
const SOON = { maxWaitTimeInMs: 500 };
const bodies = (messages) => messages.map((message) => message.body);

/** So many messages; the client may give fewer at a time. */
async function receive(receiver, count) {
  const got = [];
  while (got.length < count) {
    const more = await receiver.receiveMessages(count - got.length, { maxWaitTimeInMs: 10_000 });
    assert.notEqual(more.length, 0, `only ${got.length} of ${count}`);
    got.push(...more);
  }
  return got;
}

test("each settlement", async () => {
  const [sender, receiver] = [client.createSender("orders"), client.createReceiver("orders")];
  const properties = { applicationProperties: { room: "R" }, subject: "s", correlationId: "c" };
  await sender.sendMessages([{ body: "one", messageId: "m1", ...properties }, ...["two", "three", "four"].map((body) => ({ body }))]);
  const [one, two, three, four] = await receive(receiver, 4);
  assert.deepEqual([one.messageId, one.applicationProperties, one.subject, one.correlationId], ["m1", { room: "R" }, "s", "c"]);
  assert.ok((await receiver.renewMessageLock(one)) >= one.lockedUntilUtc);
  await receiver.completeMessage(one);
  await receiver.abandonMessage(two, { tried: 1 });
  await receiver.deferMessage(three);
  await receiver.deadLetterMessage(four, { deadLetterReason: "no good", deadLetterErrorDescription: "it is four" });
  const [again] = await receive(receiver, 1);
  assert.deepEqual([again.body, again.deliveryCount, again.applicationProperties], ["two", 1, { tried: 1 }]);
  await receiver.completeMessage(again);
  await assert.rejects(receiver.completeMessage(one), /already settled/);
  const [deferred] = await receiver.receiveDeferredMessages(three.sequenceNumber);
  await receiver.completeMessage(deferred);
  const dead = client.createReceiver("orders", { subQueueType: "deadLetter" });
  const [letter] = await receive(dead, 1);
  assert.deepEqual([letter.body, letter.deadLetterReason, letter.deadLetterErrorDescription], ["four", "no good", "it is four"]);
  await dead.completeMessage(letter);
  assert.deepEqual(await receiver.receiveMessages(1, SOON), []);
  await Promise.all([sender.close(), receiver.close(), dead.close()]);
});

test("a lock that is lost", async () => {
  const [sender, receiver] = [client.createSender("quick"), client.createReceiver("quick", { maxAutoLockRenewalDurationInMs: 0 })];
  await sender.sendMessages({ body: "held" });
  const [held] = await receive(receiver, 1);
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  await assert.rejects(receiver.completeMessage(held), { code: "MessageLockLost" });
  await Promise.all([sender.close(), receiver.close()]);
});

test("sessions", async () => {
  const sender = client.createSender("rooms");
  await sender.sendMessages(["a", "b", "a"].map((sessionId, n) => ({ body: `${sessionId}-${n}`, sessionId })));
  const b = await client.acceptSession("rooms", "b");
  await b.setSessionState("half way");
  assert.deepEqual(bodies(await receive(b, 1)), ["b-1"]);
  assert.equal(await b.getSessionState(), "half way");
  assert.ok((await b.renewSessionLock()) > new Date());
  const next = await client.acceptNextSession("rooms");
  assert.equal(next.sessionId, "a");
  assert.deepEqual(bodies(await receive(next, 2)), ["a-0", "a-2"]);
  await Promise.all([sender.close(), b.close(), next.close()]);
});

test("scheduled, cancelled and looked at", async () => {
  const [sender, receiver] = [client.createSender("later"), client.createReceiver("later", { receiveMode: "receiveAndDelete" })];
  const due = new Date(Date.now() + 3_000);
  const numbers = await sender.scheduleMessages([{ body: "later" }, { body: "never" }], due);
  await sender.cancelScheduledMessages(numbers[1]);
  assert.deepEqual(bodies(await receiver.peekMessages(10)), ["later"]);
  assert.deepEqual(bodies(await receive(receiver, 1)), ["later"]);
  assert.ok(new Date() >= due);
  assert.deepEqual(await receiver.receiveMessages(1, SOON), []);
  await Promise.all([sender.close(), receiver.close()]);
});

test("rules of a subscription are listed, added and removed", async () => {
  const rules = client.createRuleManager("twins", "ruled");
  const list = async () => {
    const all = [];
    for await (const rule of rules.listRules()) all.push(rule);
    return all;
  };
  assert.deepEqual((await list()).map((rule) => rule.name), ["$Default"]);
  await rules.createRule("warm", { sqlExpression: "temperature > 25" });
  await rules.createRule("room", { correlationId: "r11", applicationProperties: { floor: 1 } });
  await rules.deleteRule("$Default");
  const [room, warm] = (await list()).sort((one, other) => one.name.localeCompare(other.name));
  assert.equal(warm.filter.sqlExpression, "temperature > 25");
  assert.equal(room.filter.correlationId, "r11");
  await assert.rejects(rules.createRule("warm", { sqlExpression: "1 = 1" }), { code: "MessagingEntityAlreadyExists" });
  await assert.rejects(rules.createRule("wrong", { sqlExpression: "temperature >" }), /temperature/);
  const action = { sqlExpression: "SET alarm = 'yes'" };
  await assert.rejects(rules.createRule("acts", { sqlExpression: "1 = 1" }, action), /actions are not served/);
  await assert.rejects(rules.deleteRule("nothing"));
  const [sender, receiver] = [client.createSender("twins"), client.createReceiver("twins", "ruled")];
  const event = (body, temperature, more = {}) => ({ body, applicationProperties: { temperature, floor: 1 }, ...more });
  await sender.sendMessages([event("cold", 20), event("warm", 26), event("room", 20, { correlationId: "r11" })]);
  const got = await receive(receiver, 2);
  assert.deepEqual(bodies(got), ["warm", "room"]);
  await Promise.all(got.map((message) => receiver.completeMessage(message)));
  assert.deepEqual(await receiver.receiveMessages(1, SOON), []);
  await Promise.all([sender.close(), receiver.close()]);
});

for (const [name, way] of ways) {
  test(`many messages over ${name}`, async () => {
    const own = new ServiceBusClient(...way(serviceBus));
    const [sender, receiver] = [own.createSender(`way-${name}`), own.createReceiver(`way-${name}`)];
    const expected = Array.from({ length: 50 }, (_, n) => n);
    await sender.sendMessages(expected.map((body) => ({ body })));
    const got = await receive(receiver, expected.length);
    assert.deepEqual(bodies(got), expected);
    await Promise.all(got.map((message) => receiver.completeMessage(message)));
    assert.deepEqual(await receiver.peekMessages(1), []);
    await own.close();
  });
}

test("what is not there", async () => {
  const code = "MessagingEntityNotFound";
  await assert.rejects(client.createSender("nothing").sendMessages({ body: "x" }), { code });
  await assert.rejects(client.createReceiver("twins", "none").receiveMessages(1, SOON), { code });
});
