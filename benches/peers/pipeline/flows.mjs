// Writes flows.json: telemetry from the broker sets a thermostat's temperature, its room's follows,
// and the room's change is published. `node flows.mjs BROKER_PORT FILE`.
import { writeFileSync } from "node:fs";

const [port, file] = process.argv.slice(2);
const handle = `
const twins = global.get("twins") ?? new Map();
const { id, temperature } = JSON.parse(msg.payload);
twins.set(id, { ...twins.get(id), temperature });
const room = "Room_" + id.slice("thermo_".length);
twins.set(room, { ...twins.get(room), currentTemp: temperature });
global.set("twins", twins);
return {
  topic: "twins/" + room,
  payload: JSON.stringify({ modelId: "dtmi:example:Room;1", patch: [{ value: temperature, path: "/currentTemp", op: "replace" }] }),
};`;
// An id that is also a value of some field is taken for a reference.
const nodes = [
  { id: "the-tab", type: "tab", label: "thermostat to room" },
  {
    id: "the-broker", type: "mqtt-broker", broker: "127.0.0.1", port, clientid: "node-red", autoConnect: true,
    usetls: false, protocolVersion: "4", keepalive: "60", cleansession: true,
  },
  { id: "the-in", type: "mqtt in", z: "the-tab", topic: "telemetry/#", qos: "1", datatype: "utf8", broker: "the-broker", inputs: 0, wires: [["the-function"]] },
  { id: "the-function", type: "function", z: "the-tab", func: handle, outputs: 1, wires: [["the-out"]] },
  { id: "the-out", type: "mqtt out", z: "the-tab", topic: "", qos: "1", retain: "", broker: "the-broker", wires: [] },
];
writeFileSync(file, JSON.stringify(nodes));
