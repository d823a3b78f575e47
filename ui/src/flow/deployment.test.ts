import { expect, test } from "vitest";
import { FixtureFlow, playedTopology } from "../../tests/fixture-flow";
import type { Host } from "../host/host";
import { Notices } from "../store/notices";
import { Deployment } from "./deployment";
import { change, draftOf, put } from "./draft";

function deployed() {
  const backend = new FixtureFlow();
  const host = {
    call: async (request: Parameters<Host["call"]>[0]) => {
      const answer = backend.answer(request);
      if (!answer) throw new Error(`Not played: ${request.type}`);
      return answer;
    },
  } as Host;
  const notices = new Notices();
  return { backend, notices, deployment: new Deployment(host, notices) };
}

const filter = (deployment: Deployment) =>
  deployment.sheet.get().draft.parts.routes.telemetry?.filter;
const write = (deployment: Deployment, text: string) =>
  deployment.edit(
    change(deployment.sheet.get().draft, "routes/telemetry", { filter: text }),
    "routes/telemetry filter",
  );
const changed = {
  ...playedTopology,
  endpoints: { ...playedTopology.endpoints, other: { kind: "eventHub" as const } },
};

test("what is typed into a field in one go is undone as one", async () => {
  const { deployment } = deployed();
  await deployment.load();
  write(deployment, "t");
  write(deployment, "tr");
  deployment.edit(put(deployment.sheet.get().draft, "sinks", "out", { kind: "eventHub" }));
  write(deployment, "tru");
  deployment.undo();
  expect(filter(deployment)).toBe("tr");
  deployment.undo();
  deployment.undo();
  expect(filter(deployment)).toBe("type = 'microsoft.iot.telemetry'");
  expect(deployment.canUndo.get()).toBe(false);
  deployment.redo();
  expect(filter(deployment)).toBe("tr");
});

test("a deploy makes the draft what is at work, and undo leads to a draft again", async () => {
  const { deployment, backend } = deployed();
  await deployment.load();
  write(deployment, "true");
  expect(deployment.edited()).toBe(true);
  await deployment.deploy();
  expect(backend.topology.routes.telemetry?.filter).toBe("true");
  expect(deployment.edited()).toBe(false);
  deployment.undo();
  expect(deployment.edited()).toBe(true);
});

test("a deploy of what was made from an older revision is refused, and nothing is lost", async () => {
  const { deployment, backend, notices } = deployed();
  await deployment.load();
  write(deployment, "true");
  backend.change(changed);
  await deployment.deploy();
  await expect.poll(() => deployment.theirs.get()?.revision).toBe(2);
  expect(notices.shown.get().at(-1)).toMatchObject({ failed: true });
  expect(backend.topology).toBe(changed);
  expect(filter(deployment)).toBe("true");
  deployment.keepMine();
  await deployment.deploy();
  expect(Object.keys(backend.topology.endpoints)).not.toContain("other");
});

test("theirs can be taken, and that can be undone", async () => {
  const { deployment, backend } = deployed();
  await deployment.load();
  write(deployment, "true");
  backend.change(changed);
  await deployment.load();
  deployment.takeTheirs();
  expect(deployment.edited()).toBe(false);
  expect(deployment.sheet.get().draft.parts.endpoints.other).toBeDefined();
  deployment.undo();
  expect(filter(deployment)).toBe("true");
});

test("another revision of the same topology, and one that is the draft, are no conflict", async () => {
  const { deployment, backend } = deployed();
  await deployment.load();
  write(deployment, "true");
  backend.change(playedTopology);
  await deployment.load();
  expect(deployment.theirs.get()).toBeNull();
  expect(filter(deployment)).toBe("true");
  const { routes } = playedTopology;
  const telemetry = { endpoint: "eh-telemetry", filter: "true" };
  backend.change({ ...playedTopology, routes: { ...routes, telemetry } });
  await deployment.load();
  expect(deployment.theirs.get()).toBeNull();
  expect(deployment.edited()).toBe(false);
});

test("edits of the last time come back; where what they were made from changed, it asks", async () => {
  const { deployment, backend } = deployed();
  const base = draftOf(playedTopology, backend.files);
  const draft = change(base, "routes/telemetry", { filter: "true" });
  deployment.enter({}, { draft, base });
  expect(deployment.edits()).toEqual({ draft, base });
  await deployment.load();
  expect(filter(deployment)).toBe("true");
  expect(deployment.theirs.get()).toBeNull();
  backend.change(changed);
  deployment.enter({}, { draft, base });
  await deployment.load();
  expect(deployment.theirs.get()?.revision).toBe(2);
});

test("what cannot be edited is not", async () => {
  const { deployment, backend } = deployed();
  backend.fixed = "It is elsewhere.";
  await deployment.load();
  write(deployment, "true");
  expect(deployment.edited()).toBe(false);
  expect(deployment.problems.get()).toEqual([]);
  deployment.place({ "routes/telemetry": { x: 1, y: 2 } });
  expect(deployment.sheet.get().places).toEqual({ "routes/telemetry": { x: 1, y: 2 } });
});
