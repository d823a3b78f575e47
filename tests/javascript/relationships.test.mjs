import assert from "node:assert/strict";
import { test } from "node:test";
import { all, allRefused, client, house, inPages, NEW, STALE } from "./instance.mjs";

const { models, twin, leads } = house("relationships");
const nobody = "There is no digital twin instance that exists with the ID nobody.";
const [a, b, c] = ["js-a", "js-b", "js-r"];
const patch = (op, path, value) => [{ op, path, ...(value === undefined ? {} : { value }) }];

test("relationships", async (t) => {
  await client.createModels(models);
  for (const id of [a, b, c]) await client.upsertDigitalTwin(id, twin());
  const { body: made, etag: first } = await client.upsertRelationship(a, "a-b", leads(b, { steps: 3 }), NEW);

  await t.test("what is written is read", async () => {
    assert.deepEqual([made.$relationshipId, made.$sourceId, made.$targetId, made.$relationshipName, made.steps], ["a-b", a, b, "leads", 3]);
    assert.equal(first, made.$etag);
    assert.deepEqual((await client.getRelationship(a, "a-b")).body, made);
    // Source and id are those of the address, whatever the body says.
    const { body: other } = await client.upsertRelationship(a, "a-c", { ...leads(c), $sourceId: "x", $relationshipId: "y" });
    assert.deepEqual([other.$relationshipId, other.$sourceId], ["a-c", a]);
  });

  await t.test("lists in both directions, in pages", async () => {
    for (let at = 0; at < 12; at += 1) {
      await client.upsertDigitalTwin(`js-in${at}`, twin());
      await client.upsertRelationship(`js-in${at}`, "up", leads(c));
    }
    assert.deepEqual((await all(client.listRelationships(a))).map((each) => each.$relationshipId), ["a-b", "a-c"]);
    const incoming = await all(client.listIncomingRelationships(c));
    assert.equal(new Set(incoming.map((each) => each.sourceId)).size, 13);
    const own = incoming.find((each) => each.sourceId === a);
    assert.deepEqual([own.relationshipId, own.relationshipName, own.relationshipLink], ["a-c", "leads", `/digitaltwins/${a}/relationships/a-c`]);
    const pages = [];
    for await (const page of client.listIncomingRelationships(c).byPage()) pages.push(page.value.length);
    assert.deepEqual(pages, [10, 3]);
  });

  await t.test("changed and as it was", async () => {
    const { etag } = await client.updateRelationship(a, "a-b", patch("replace", "/steps", 4), { ifMatch: first });
    const changed = await client.getRelationship(a, "a-b");
    assert.deepEqual([changed.body.steps, changed.etag], [4, etag]);
    await client.updateRelationship(a, "a-b", [...patch("remove", "/steps"), ...patch("add", "/steps", 5), ...patch("remove", "/steps")]);
    assert.equal((await client.getRelationship(a, "a-b")).body.steps, undefined);
    await client.updateRelationship(a, "a-b", []);
  });

  await allRefused(t, {
    get: [() => client.getRelationship(a, "no"), 404, "RelationshipNotFound", `Relationship no not found on twin ${a}.`],
    "get of nobody": [() => client.getRelationship("nobody", "no"), 404, "DigitalTwinNotFound", nobody],
    list: [() => client.listRelationships("nobody").next(), 404, "DigitalTwinNotFound", nobody],
    incoming: [() => client.listIncomingRelationships("nobody").next(), 404, "DigitalTwinNotFound", nobody],
    "source is not there": [() => client.upsertRelationship("nobody", "x", leads(b)), 404, "DigitalTwinNotFound", nobody],
    "target is not there": [() => client.upsertRelationship(a, "x", leads("nobody")), 404, "TargetDigitalTwinNotFound", "The target digital twin is invalid or does not exist"],
    "no target": [() => client.upsertRelationship(a, "x", { $relationshipName: "leads" }), 400, "InvalidArgument", "Could not deserialize relationship create body."],
    "no name": [() => client.upsertRelationship(a, "x", { $targetId: b }), 400, "InvalidArgument", "Could not deserialize relationship create body."],
    "no such name": [() => client.upsertRelationship(a, "x", { ...leads(b), $relationshipName: "eats" }), 400, "InvalidRelationship", "eats"],
    "to itself": [() => client.upsertRelationship(a, "x", leads(a)), 400, "OperationNotAllowed", "to itself"],
    "no such property": [() => client.upsertRelationship(a, "x", leads(b, { nope: 1 })), 400, "ValidationFailed", "nope"],
    "there already": [() => client.upsertRelationship(a, "a-b", leads(b), NEW), 412, "PreconditionFailed", "header was specified but a relationship with the id a-b"],
    "patch unknown": [() => client.updateRelationship(a, "no", patch("add", "/steps", 1)), 404, "RelationshipNotFound", `Relationship no not found on twin ${a}.`],
    "patch of nobody's": [() => client.updateRelationship("nobody", "no", []), 404, "DigitalTwinNotFound", nobody],
    move: [() => client.updateRelationship(a, "a-b", patch("move", "/steps")), 400, "JsonPatchInvalid", "Unsupported operation type move"],
    unset: [() => client.updateRelationship(a, "a-b", patch("remove", "/nope")), 400, "JsonPatchInvalid", "The target location specified by path segment 'nope' was not found"],
    "no operation": [() => client.updateRelationship(a, "a-b", [{ steps: 1 }]), 400, "JsonPatchInvalid", "Parameter op must not be empty"],
    "wrong type": [() => client.updateRelationship(a, "a-b", patch("add", "/steps", "many")), 400, "ValidationFailed", "/steps"],
    "stale patch": [() => client.updateRelationship(a, "a-b", patch("add", "/steps", 1), STALE), 412, "PreconditionFailed", "doesn't match the current etag"],
    "wrong If-Match": [() => client.updateRelationship(a, "a-b", [], { ifMatch: "XXX" }), 400, "InvalidArgument", "Invalid If-Match header value"],
    "stale delete": [() => client.deleteRelationship(a, "a-b", STALE), 412, "PreconditionFailed", "doesn't match the current etag"],
    "delete unknown": [() => client.deleteRelationship(a, "no"), 404, "RelationshipNotFound", "Relationship no not found"],
    "delete of nobody's": [() => client.deleteRelationship("nobody", "no"), 404, "DigitalTwinNotFound", nobody],
    "delete of a related twin": [() => client.deleteDigitalTwin(b), 400, "RelationshipsNotDeleted", `Twin ${b} has active relationships. Cannot delete a twin unless all the relationships are deleted.`],
  });

  await t.test("away, then the twin", async () => {
    const { etag } = await client.getRelationship(a, "a-b");
    await client.deleteRelationship(a, "a-b", { ifMatch: etag });
    await client.deleteDigitalTwin(b);
    await assert.rejects(client.getRelationship(a, "a-b"), { statusCode: 404, code: "RelationshipNotFound" });
  });
});
