import { beforeEach, expect, test } from "vitest";
import { FixtureHost } from "../../tests/fixture-host";
import { ask, failureOf } from "../host/ask";
import { type Edit, Edits, patchOf, patchText } from "./edits";
import { Instance } from "./instance";
import { Notices } from "./notices";
import { Selection } from "./selection";

const edit: Edit = {
  twin: "Room_11",
  path: "/seats",
  name: "seats",
  before: { set: true, value: 8 },
  after: { set: true, value: 12 },
};

let host: FixtureHost;
let notices: Notices;
let edits: Edits;

const twin = () => ask(host, { type: "twin", id: "Room_11" }, "twin");
const held = async (path: string) =>
  (await twin()).properties.find((property) => property.path === path);
const outside = (path: string, value: unknown) =>
  host.write("Room_11", path, value, "f00d", "REST", 1);

beforeEach(() => {
  host = new FixtureHost();
  notices = new Notices();
  edits = new Edits(host, new Selection(host, new Instance(host)), notices);
});

test("the patch of an edit replaces, adds or removes", () => {
  expect(patchOf(edit)).toEqual([{ op: "replace", path: "/seats", value: 12 }]);
  expect(patchOf({ ...edit, before: { set: false } })).toEqual([
    { op: "add", path: "/seats", value: 12 },
  ]);
  expect(patchOf({ ...edit, after: { set: false } })).toEqual([{ op: "remove", path: "/seats" }]);
});

test("the patch as text is the same JSON", () => {
  const steps = patchOf({ ...edit, after: { set: true, value: { a: [1, "x"] } } });
  expect(JSON.parse(patchText(steps))).toEqual(steps);
});

test("an applied edit can be undone", async () => {
  await edits.apply(edit, (await twin()).etag);
  expect((await held("/seats"))?.value).toBe(12);
  await edits.undo();
  expect((await held("/seats"))?.value).toBe(8);
  await edits.undo();
  expect(notices.shown.get().at(-1)?.text).toBe("Nothing to undo");
});

test("undoing a first value removes it again", async () => {
  const note: Edit = {
    ...edit,
    path: "/note",
    name: "note",
    before: { set: false },
    after: { set: true, value: "x" },
  };
  await edits.apply(note, (await twin()).etag);
  await edits.undo();
  expect((await held("/note"))?.set).toBe(false);
});

test("another property's change does not stand in the way", async () => {
  const { etag } = await twin();
  outside("/currentTemp", 25);
  await edits.apply(edit, etag);
  expect((await held("/seats"))?.value).toBe(12);
});

test("a change of the same property is told, and nothing is overwritten unasked", async () => {
  const { etag } = await twin();
  outside("/seats", 4);
  const failed = await edits.apply(edit, etag).catch(failureOf);
  expect(failed).toMatchObject({ code: "PreconditionFailed" });
  expect((await held("/seats"))?.value).toBe(4);
  await edits.applyToPresent(edit);
  expect((await held("/seats"))?.value).toBe(12);
});

test("undo does not overwrite what somebody else wrote since", async () => {
  await edits.apply(edit, (await twin()).etag);
  outside("/seats", 3);
  await edits.undo();
  expect((await held("/seats"))?.value).toBe(3);
  expect(notices.shown.get().at(-1)).toMatchObject({ failed: true });
});

test("nothing of another instance is undone", async () => {
  await edits.apply(edit, (await twin()).etag);
  edits.forget();
  await edits.undo();
  expect((await held("/seats"))?.value).toBe(12);
});

test("what the service refuses is its own error", async () => {
  const wrong = { ...edit, after: { set: true as const, value: -1 } };
  const failed = await edits.apply(wrong, (await twin()).etag).catch(failureOf);
  expect(failed).toMatchObject({ code: "ValidationFailed" });
});
