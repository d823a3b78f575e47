import { beforeEach, expect, test, vi } from "vitest";
import { FixtureHost } from "../../tests/fixture-host";
import { LogView } from "./logView";

let host: FixtureHost;
let log: LogView;

/** Lets the log pull once. */
async function pull(): Promise<void> {
  const stop = log.show();
  await vi.waitFor(() => expect(log.slice.get()).not.toBeNull());
  await new Promise((done) => setTimeout(done));
  stop();
}

beforeEach(() => {
  const silent = { hidden: false, addEventListener: () => {}, removeEventListener: () => {} };
  vi.stubGlobal("document", silent);
  host = new FixtureHost();
  log = new LogView(host);
  for (let step = 0; step < 10; step++) host.step();
});

test("paused, the view stands still and what comes is counted", async () => {
  await pull();
  log.pause();
  const newest = log.slice.get()?.newest;
  host.step();
  await pull();
  expect(log.slice.get()?.rows[0]?.position).toBe(newest);
  expect(log.slice.get()?.newer).toBe(4);
  log.resume();
  await pull();
  expect(log.slice.get()?.newer).toBe(0);
});

test("following a twin goes together with the filter", async () => {
  log.filter.set("update");
  log.followed.set("Room_07");
  await pull();
  const subjects = log.slice.get()?.rows.map((row) => `${row.label} ${row.subject}`);
  expect(new Set(subjects)).toEqual(new Set(["Twin update Room_07"]));
});

test("another session begins live and follows nothing", async () => {
  await pull();
  log.pause();
  log.followed.set("Room_07");
  host.session++;
  await pull();
  expect(log.until.get()).toBeNull();
  expect(log.followed.get()).toBeNull();
});

test("what becomes of an event in sight is shown as it is told, and stays when the event is gone", async () => {
  const row = host.log.findLast((one) => one.routes.some((route) => route.matched));
  if (!row) throw new Error("no event went to an endpoint");
  const ofRoute = (kind: "waiting" | "delivered") => {
    const routes = row.routes.map((one) => ({ ...one, fate: one.matched ? { kind } : null }));
    const at = host.log.findIndex((one) => one.position === row.position);
    host.log[at] = { ...row, routes };
  };
  const fate = () => log.detail.get()?.row.routes.find((route) => route.matched)?.fate?.kind;
  ofRoute("waiting");
  await log.select(row.position);
  expect(fate()).toBe("waiting");
  const shown = log.detail.get();
  await pull();
  expect(log.detail.get()).toBe(shown);
  ofRoute("delivered");
  await pull();
  await vi.waitFor(() => expect(fate()).toBe("delivered"));
  host.log.length = 0;
  await pull();
  expect(fate()).toBe("delivered");
  expect(log.detailFailure.get()).toBeNull();
});

test("an event that is gone says so", async () => {
  await log.select(99_999);
  expect(log.detail.get()).toBeNull();
  expect(log.detailFailure.get()?.code).toBe("EventGone");
});
