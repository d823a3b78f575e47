// The instance under test, and models for it. Its address is in the environment, as `twinscope env`
// prints it; each file of tests uses ids of its own, so that they may run side by side.
import assert from "node:assert/strict";
import { DigitalTwinsClient } from "@azure/digital-twins-core";

const token = { token: process.env.TWINSCOPE_TOKEN ?? "any", expiresOnTimestamp: Date.now() + 3_600_000 };

export const endpoint = process.env.AZURE_DIGITALTWINS_URL;
export const client = new DigitalTwinsClient(endpoint, { getToken: async () => token });

export const STALE = { ifMatch: 'W/"00000000-0000-0000-0000-000000000000"' };
export const NEW = { ifNoneMatch: "*" };

const context = "dtmi:dtdl:context;2";
const property = (name, schema) => ({ "@type": "Property", name, schema });

/** A door, a room that has one and leads to rooms, and a hall: under ids of the caller's. */
export function house(place) {
  const [door, room, hall] = ["Door", "Room", "Hall"].map((name) => `dtmi:js:${place}:${name};1`);
  const models = [
    { "@context": context, "@id": door, "@type": "Interface", contents: [property("open", "boolean")] },
    {
      "@context": context,
      "@id": room,
      "@type": "Interface",
      displayName: "Room",
      contents: [
        property("temperature", "double"),
        property("name", "string"),
        { "@type": "Component", name: "door", schema: door },
        { "@type": "Relationship", name: "leads", target: room, properties: [property("steps", "integer")] },
      ],
    },
    { "@context": context, "@id": hall, "@type": "Interface", contents: [property("seats", "integer")] },
  ];
  const twin = (properties = {}) =>
    JSON.stringify({ $metadata: { $model: room }, door: { $metadata: {}, open: true }, ...properties });
  const leads = (target, properties = {}) => ({ $relationshipName: "leads", $targetId: target, ...properties });
  return { door, room, hall, models, twin, leads };
}

/** Runs each case: its call must be refused with this status and code, in these words. */
export async function allRefused(test, cases) {
  for (const [name, [call, status, code, words]] of Object.entries(cases)) {
    await test.test(name, () =>
      assert.rejects(call(), (error) => {
        assert.equal(error.statusCode, status, error.message);
        assert.equal(error.code, code, error.message);
        assert.equal(error.response.headers.get("x-ms-error-code"), code);
        // Only the message reaches the SDK's user; the details are in the body.
        assert.ok(error.response.bodyAsText.includes(words), error.response.bodyAsText);
        return true;
      }),
    );
  }
}

/** All items of a list, read in pages of a size. */
export async function inPages(list, maxPageSize) {
  const items = [];
  let pages = 0;
  for await (const page of list.byPage({ maxPageSize })) {
    assert.ok(page.value.length <= maxPageSize, `${page.value.length} on a page of ${maxPageSize}`);
    items.push(...page.value);
    pages += 1;
  }
  return { items, pages };
}

export async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}
