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
const nodes = [
  { id: "tab", type: "tab", label: "thermostat to room" },
  {
    id: "broker", type: "mqtt-broker", broker: "127.0.0.1", port, clientid: "node-red", autoConnect: true,
    usetls: false, protocolVersion: "4", keepalive: "60", cleansession: true,
  },
  { id: "in", type: "mqtt in", z: "tab", topic: "telemetry/#", qos: "1", datatype: "utf8", broker: "broker", inputs: 0, wires: [["function"]] },
  { id: "function", type: "function", z: "tab", func: handle, outputs: 1, wires: [["out"]] },
  { id: "out", type: "mqtt out", z: "tab", topic: "", qos: "1", retain: "", broker: "broker", wires: [] },
];
writeFileSync(file, JSON.stringify(nodes));
