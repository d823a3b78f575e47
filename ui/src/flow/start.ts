import { type Draft, idOf, put } from "./draft";
import { freeDevices, type Known } from "./known";

/** Simulated thermostats whose temperature reaches their room: something that flows at once. */
export function thermostatToRoom(draft: Draft, known: Known): { draft: Draft; id: string } {
  let made = put(draft, "sources", "thermostats", {
    kind: "simulatedThermostats",
    devices: freeDevices(draft, known),
    everySeconds: 3,
    function: "ingest",
  });
  made = put(made, "functions", "ingest", { kind: "ingest", map: [...known.map] });
  const { propagation, filter } = known;
  made = put(made, "functions", "propagate-to-parent", {
    kind: "propagateToParent",
    ...propagation,
  });
  made = put(made, "endpoints", "eg-twins", { kind: "eventGrid" });
  made = put(made, "routes", "to-parent", { endpoint: "eg-twins", filter });
  const subscription = { endpoint: "eg-twins", function: "propagate-to-parent" };
  made = put(made, "subscriptions", "parent", subscription);
  return { draft: made, id: idOf("routes", "to-parent") };
}
