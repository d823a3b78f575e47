import assert from "node:assert/strict";
import { test } from "node:test";
import { all, allRefused, client, house, inPages } from "./instance.mjs";

const { door, room, hall, models } = house("models");
const no = "dtmi:js:models:No;1";
const context = (version) => ({ ...models[2], "@context": `dtmi:dtdl:context;${version}`, "@id": no });

test("models", async (t) => {
  const created = await client.createModels(models);
  assert.deepEqual(created.map((model) => [model.id, model.decommissioned]), [door, room, hall].map((id) => [id, false]));
  assert.ok(created[1].uploadTime instanceof Date);

  await t.test("read", async () => {
    const bare = await client.getModel(room);
    assert.deepEqual([bare.id, bare.displayName, bare.model], [room, { en: "Room" }, undefined]);
    assert.deepEqual((await client.getModel(room, true)).model, models[1]);
  });

  await t.test("list with what some need, joined by a comma", async () => {
    const needed = await all(client.listModels([room, hall], true));
    assert.deepEqual(needed.map((model) => model.id).sort(), [door, hall, room]);
    assert.deepEqual(needed.find((model) => model.id === room).model, models[1]);
  });

  await t.test("pages: the client appends its parameters to nextLink", async () => {
    const { items, pages } = await inPages(client.listModels([room, hall], true), 1);
    assert.deepEqual([items.map((model) => model.id).sort(), pages], [[door, hall, room], 3]);
    assert.ok(items.every((model) => model.model));
    // Other tests upload meanwhile; what is there already is on some page, once.
    const whole = (await inPages(client.listModels(), 2)).items.map((model) => model.id);
    for (const id of [door, room, hall]) assert.equal(whole.filter((other) => other === id).length, 1);
  });

  await allRefused(t, {
    none: [() => client.createModels([]), 400, "InvalidArgument", "models provided was empty or of a type that is not supported"],
    "not DTDL": [() => client.createModels([{ "@id": no }]), 400, "DTDLParserError", "None of the models in this request could be created due to a problem with one or more models"],
    "not all there": [
      () => client.createModels([{ ...models[1], "@id": no, contents: [{ "@type": "Component", name: "c", schema: "dtmi:js:models:Absent;1" }] }]),
      400, "DTDLParserError", "dtmi:js:models:Absent;1",
    ],
    "too new": [() => client.createModels([context(4)]), 400, "ModelVersionNotSupported", "DTDL 4"],
    "too many": [
      () => client.createModels(Array.from({ length: 251 }, (_, at) => ({ ...models[2], "@id": `dtmi:js:models:M${at};1` }))),
      400, "LimitExceeded", "250",
    ],
    again: [() => client.createModels(models), 409, "ModelIdAlreadyExists", "Some of the model ids already exist"],
    "get unknown": [() => client.getModel(no), 404, "ModelNotFound", "There is no Model(s) available that matches the provided id(s)"],
    "get malformed": [() => client.getModel("thisIsNotAValidModelId"), 400, "InvalidArgument", "The format of the Model ID thisIsNotAValidModelId provided is not supported"],
    "list unknown": [() => client.listModels([no]).next(), 404, "ModelNotFound", no],
    "list malformed": [() => client.listModels(["no"]).next(), 400, "InvalidArgument", "The format of the Model ID no"],
    "decommission unknown": [() => client.decomissionModel(no), 404, "ModelNotFound", no],
    "decommission needed": [() => client.decomissionModel(door), 409, "ModelReferencesNotDecommissioned", room],
    "decommission malformed": [() => client.decomissionModel("no"), 400, "InvalidArgument", "Model ID no"],
    "delete unknown": [() => client.deleteModel(no), 404, "ModelNotFound", no],
    "delete needed": [() => client.deleteModel(door), 409, "ModelReferencesNotDeleted", `This model is currently being referenced by ${room}`],
    "delete malformed": [() => client.deleteModel("no"), 400, "InvalidArgument", "Model ID no"],
  });

  await t.test("out of use, twice, and away", async () => {
    await client.decomissionModel(hall);
    await client.decomissionModel(hall);
    assert.equal((await client.getModel(hall)).decommissioned, true);
    const twin = JSON.stringify({ $metadata: { $model: hall } });
    await assert.rejects(client.upsertDigitalTwin("js-models-hall", twin), { statusCode: 400, code: "ModelDecommissioned" });
    for (const id of [hall, room, door]) await client.deleteModel(id);
    await assert.rejects(client.getModel(door), { statusCode: 404 });
  });
});
