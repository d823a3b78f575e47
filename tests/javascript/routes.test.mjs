// Where there is an endpoint: TWINSCOPE_ENDPOINT names it; an empty instance has none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { all, allRefused, client, inPages } from "./instance.mjs";

const endpoint = process.env.TWINSCOPE_ENDPOINT;
const legacy = "$eventType = 'DigitalTwinTelemetryMessages' or $eventType = 'DigitalTwinLifecycleNotification'";
const none = "There is no route available that matches the provided input";
const nowhere = [() => client.upsertEventRoute("js-x", "nowhere", legacy), 400, "EventRouteEndpointInvalid", "The endpoint provided does not exist or is not active"];

test("event routes of an empty instance", { skip: endpoint && "there is an endpoint" }, async (t) => {
  assert.deepEqual(await all(client.listEventRoutes()), []);
  await allRefused(t, {
    "no endpoint": nowhere,
    get: [() => client.getEventRoute("no"), 404, "EventRouteNotFound", none],
    delete: [() => client.deleteEventRoute("no"), 404, "EventRouteNotFound", none],
  });
});

test("event routes to an endpoint", { skip: !endpoint && "there is no endpoint" }, async (t) => {
  const before = (await all(client.listEventRoutes())).length;
  assert.equal((await client.upsertEventRoute("js-1", endpoint, legacy))._response.status, 204);
  const route = await client.getEventRoute("js-1");
  assert.deepEqual([route.id, route.endpointName, route.filter], ["js-1", endpoint, legacy]);
  await client.upsertEventRoute("js-1", endpoint, "true");
  assert.equal((await client.getEventRoute("js-1")).filter, "true");
  await client.upsertEventRoute("js-2", endpoint, "type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = 'm'");
  const { items, pages } = await inPages(client.listEventRoutes(), 1);
  assert.equal(items.length, before + 2);
  assert.equal(pages, items.length);
  for (let at = items.length; at < 6; at += 1) await client.upsertEventRoute(`js-more${at}`, endpoint, "false");
  await allRefused(t, {
    "no endpoint": nowhere,
    "wrong filter": [() => client.upsertEventRoute("js-1", endpoint, "this is wrong"), 400, "EventRouteFilterInvalid", "The provided filter is invalid. Parsing error, Line=1, Position=6, Message="],
    "long id": [() => client.upsertEventRoute("x".repeat(129), endpoint, "true"), 400, "EventRouteIdInvalid", "128"],
    "too many": [() => client.upsertEventRoute("js-7", endpoint, "true"), 400, "LimitExceeded", "6"],
    get: [() => client.getEventRoute("no"), 404, "EventRouteNotFound", none],
    delete: [() => client.deleteEventRoute("no"), 404, "EventRouteNotFound", none],
  });
  for (const { id } of await all(client.listEventRoutes())) await client.deleteEventRoute(id);
  assert.deepEqual(await all(client.listEventRoutes()), []);
});
