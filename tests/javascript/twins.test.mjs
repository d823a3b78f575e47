import assert from "node:assert/strict";
import { test } from "node:test";
import { allRefused, client, house, inPages, NEW, STALE } from "./instance.mjs";

const { room, models, twin } = house("twins");
const nobody = "There is no digital twin instance that exists with the ID nobody.";
const set = (path, value) => [{ op: "replace", path, value }];

test("twins", async (t) => {
  await client.createModels(models);
  // The SDK answers the twin as body, beside the headers.
  const { body: made, etag: first } = await client.upsertDigitalTwin("js-t", twin({ temperature: 20.5, name: "t" }), NEW);

  await t.test("what is written is read", async () => {
    assert.deepEqual([made.$dtId, made.$metadata.$model, made.temperature, made.door.open], ["js-t", room, 20.5, true]);
    assert.equal(first, made.$etag);
    assert.match(made.$metadata.temperature.lastUpdateTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/);
    assert.deepEqual((await client.getDigitalTwin("js-t")).body, made);
  });

  await t.test("replace, add and remove", async () => {
    const { etag } = await client.updateDigitalTwin("js-t", set("/temperature", 21.5), { ifMatch: first });
    assert.notEqual(etag, first);
    await client.updateDigitalTwin("js-t", [{ op: "remove", path: "/name" }, { op: "add", path: "/door/open", value: false }], { ifMatch: "*" });
    const { body: changed } = await client.getDigitalTwin("js-t");
    assert.deepEqual([changed.temperature, "name" in changed, changed.door.open], [21.5, false, false]);
    await client.updateDigitalTwin("js-t", []);
  });

  await t.test("one put in place of another", async () => {
    const { body: replaced } = await client.upsertDigitalTwin("js-t", twin({ temperature: 1 }));
    assert.deepEqual([replaced.temperature, replaced.door.open], [1, true]);
  });

  await t.test("telemetry", async () => {
    const sent = await client.publishTelemetry("js-t", { anything: [1, { a: null }] }, "m1");
    assert.equal(sent._response.status, 204);
    await assert.rejects(client.publishTelemetry("nobody", {}, "m2"), { statusCode: 404, code: "DigitalTwinNotFound" });
  });

  await t.test("queries, page by page", async () => {
    for (let at = 0; at < 25; at += 1) await client.upsertDigitalTwin(`js-q${at}`, twin({ name: "q" }));
    const query = `SELECT * FROM DIGITALTWINS T WHERE T.name = 'q' AND IS_OF_MODEL(T, '${room}')`;
    for (const size of [1, 10, 100]) {
      const { items, pages } = await inPages(client.queryTwins(query, size), size);
      assert.equal(new Set(items.map((item) => item.$dtId)).size, 25);
      assert.equal(pages, Math.ceil(25 / size));
    }
    const page = (await client.queryTwins(query).byPage().next()).value;
    assert.ok(page.queryCharge > 0);
    assert.deepEqual(await client.queryTwins("SELECT COUNT() FROM DIGITALTWINS T WHERE T.name = 'q'").next().then(({ value }) => value), { COUNT: 25 });
  });

  await allRefused(t, {
    "no such model": [() => client.upsertDigitalTwin("x", JSON.stringify({ $metadata: { $model: "dtmi:js:twins:No;1" } })), 400, "ValidationFailed", "dtmi:js:twins:No;1 or one of its dependencies does not exist."],
    "no such property": [() => client.upsertDigitalTwin("x", twin({ nope: 1 })), 400, "ValidationFailed", "nope does not appear on the DTDL for Twin."],
    "wrong type": [() => client.upsertDigitalTwin("x", twin({ name: 1 })), 400, "ValidationFailed", "Expected value of type string for name on Twin."],
    "no twin": [() => client.upsertDigitalTwin("x", "[{}]"), 400, "InvalidArgument", "Payload is invalid."],
    "long id": [() => client.upsertDigitalTwin("x".repeat(129), twin()), 400, "InvalidArgument", "128"],
    "there already": [() => client.upsertDigitalTwin("js-t", twin(), NEW), 412, "PreconditionFailed", "If-None-Match: * header was specified but a twin with the id js-t was found. Please specify a different twin id."],
    "wrong If-None-Match": [() => client.upsertDigitalTwin("js-t", twin(), { ifNoneMatch: "XXX" }), 400, "InvalidArgument", "Invalid If-None-Match header value. Allowed value(s): If-None-Match: *"],
    get: [() => client.getDigitalTwin("nobody"), 404, "DigitalTwinNotFound", nobody],
    patch: [() => client.updateDigitalTwin("nobody", set("/name", "n")), 404, "DigitalTwinNotFound", nobody],
    delete: [() => client.deleteDigitalTwin("nobody"), 404, "DigitalTwinNotFound", nobody],
    move: [() => client.updateDigitalTwin("js-t", [{ op: "move", path: "/name", value: 1 }]), 400, "JsonPatchInvalid", "Unsupported operation type move. Please provide a valid patch document."],
    "empty operation": [() => client.updateDigitalTwin("js-t", [{}]), 400, "JsonPatchInvalid", "Parameter op must not be empty."],
    unset: [() => client.updateDigitalTwin("js-t", [{ op: "remove", path: "/name" }]), 400, "JsonPatchInvalid", "name does not exist on component."],
    unresolved: [() => client.updateDigitalTwin("js-t", set("/gate/open", true)), 400, "JsonPatchInvalid", "Could not resolve path /gate/open."],
    "patch of wrong type": [() => client.updateDigitalTwin("js-t", set("/temperature", "warm")), 400, "ValidationFailed", "Expected value of type double for temperature on Twin."],
    "stale patch": [() => client.updateDigitalTwin("js-t", set("/temperature", 1), STALE), 412, "PreconditionFailed", "doesn't match the current etag for the resource."],
    "stale delete": [() => client.deleteDigitalTwin("js-t", STALE), 412, "PreconditionFailed", "doesn't match the current etag"],
    "wrong If-Match": [() => client.updateDigitalTwin("js-t", [], { ifMatch: "XXX" }), 400, "InvalidArgument", "Invalid If-Match header value. Allowed value(s): If-Match: {etag} or If-Match: *"],
    "delete with wrong If-Match": [() => client.deleteDigitalTwin("js-t", { ifMatch: "XXX" }), 400, "InvalidArgument", "Invalid If-Match header value."],
    query: [() => client.queryTwins("foo").next(), 400, "SqlQueryError", "SQL query parse failed: SQL Parser Error, Line=1, Position=0, Message=missing SELECT at 'foo'"],
  });

  await t.test("away with its ETag", async () => {
    const { etag } = await client.getDigitalTwin("js-t");
    assert.equal((await client.deleteDigitalTwin("js-t", { ifMatch: etag }))._response.status, 204);
    await assert.rejects(client.getDigitalTwin("js-t"), { statusCode: 404 });
  });
});

test("components", async (t) => {
  await client.createModels(house("components").models);
  const { twin } = house("components");
  const { etag } = await client.upsertDigitalTwin("js-c", twin());

  await t.test("read, changed and told of", async () => {
    assert.equal((await client.getComponent("js-c", "door")).body.open, true);
    const changed = await client.updateComponent("js-c", "door", set("/open", false), { ifMatch: etag });
    const door = await client.getComponent("js-c", "door");
    assert.deepEqual([door.body.open, door.etag], [false, changed.etag]);
    assert.deepEqual((await client.getDigitalTwin("js-c")).body.door.open, false);
    // The SDK takes its last two arguments for each other: the first of them is the Message-Id.
    assert.equal((await client.publishComponentTelemetry("js-c", "door", "m1", { opened: true }))._response.status, 204);
  });

  await allRefused(t, {
    get: [() => client.getComponent("js-c", "gate"), 404, "ComponentNotFound", "js-c does not have component gate"],
    "get of nobody": [() => client.getComponent("nobody", "door"), 404, "DigitalTwinNotFound", nobody],
    patch: [() => client.updateComponent("js-c", "gate", set("/open", true)), 400, "JsonPatchInvalid", "Could not resolve path /gate/open."],
    "patch of nobody": [() => client.updateComponent("nobody", "door", set("/open", true)), 404, "DigitalTwinNotFound", nobody],
    move: [() => client.updateComponent("js-c", "door", [{ op: "move", path: "/open" }]), 400, "JsonPatchInvalid", "Unsupported operation type move"],
    "no such property": [() => client.updateComponent("js-c", "door", [{ op: "add", path: "/nope", value: 1 }]), 400, "ValidationFailed", "nope does not appear on the DTDL for door."],
    "wrong type": [() => client.updateComponent("js-c", "door", set("/open", 1)), 400, "ValidationFailed", "Expected value of type boolean for open on door."],
    stale: [() => client.updateComponent("js-c", "door", set("/open", true), STALE), 412, "PreconditionFailed", "doesn't match the current etag"],
    "wrong If-Match": [() => client.updateComponent("js-c", "door", set("/open", true), { ifMatch: "etag-value" }), 400, "InvalidArgument", "Invalid If-Match header value"],
    telemetry: [() => client.publishComponentTelemetry("js-c", "gate", "m2", {}), 404, "ComponentNotFound", "js-c does not have component gate"],
    "telemetry of nobody": [() => client.publishComponentTelemetry("nobody", "door", "m3", {}), 404, "DigitalTwinNotFound", nobody],
  });
});
