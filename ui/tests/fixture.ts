import { mount } from "../src/window/mount";
import { noTopology } from "./fixture-flow";
import { FixtureHost } from "./fixture-host";
import { LargeHost } from "./fixture-large";

// `npm run dev:fixture`: the page on a played backend. `?theme=light&problems`, `?large=10000&changes=2000`
// and so on set it up.
const query = new URLSearchParams(location.search);
const large = Number(query.get("large") ?? 0);
const graph = query.get("graph") === "network" ? "network" : "building";
const host =
  large > 0 ? new LargeHost(graph, large, Number(query.get("changes") ?? 0)) : new FixtureHost();
const theme = query.get("theme") ?? undefined;
const renderer = query.get("renderer") ?? undefined;
host.state = JSON.stringify({ theme, renderer });
if (query.has("problems")) {
  host.problems = [
    {
      file: "twins.ndjson",
      place: "line 31",
      message:
        "Room_25 has the model dtmi:com:contoso:Rom;1, which is not in models/. Correct the DTMI or add the model.",
    },
    {
      file: "models/Room.json",
      place: "/contents/3/schema",
      message: "The schema `doubel` is not one of DTDL. Did you mean `double`?",
    },
  ];
}
if (query.has("empty")) {
  host.twins.clear();
  host.relationships = [];
} else {
  for (let steps = 0; steps < 400; steps++) host.step();
  if (!query.has("still")) host.start();
}
if (query.has("failed")) {
  const message =
    "https://nowhere:8443 does not answer: connection refused. Check the address, or start the instance.";
  const target = host.target;
  host.phase = { phase: "failed", target, failure: { code: "Unreachable", message, details: [] } };
}
if (query.has("nothing")) host.flow.topology = noTopology;
host.lastView = JSON.parse(sessionStorage.getItem("view") ?? "null");
host.flow.broken = query.has("broken");
if (query.has("fixed")) {
  host.flow.fixed = "This is an instance elsewhere: its topology is made there.";
}
host.throttled = Number(query.get("throttled") ?? 0);
if (host.throttled > 0) host.queryLagSeconds = 5;
Object.assign(window, { fixture: host });
mount(host);
