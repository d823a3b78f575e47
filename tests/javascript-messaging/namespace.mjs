// The namespace under test. Its connection strings are in the environment, as connect.json has
// them; each file of tests uses entities of its own, so that they may run side by side.
import WebSocket from "ws";

const [hub, bus] = [process.env.TWINSCOPE_EVENT_HUB, process.env.TWINSCOPE_SERVICE_BUS];
// With another name in place of the one that the string names; Service Bus clients want none.
export const eventHub = (name = "telemetry") => hub.replace(/EntityPath=[^;]*/, `EntityPath=${name}`);
export const serviceBus = bus.replace(/EntityPath=[^;]*;?/, "");

/** Each way in: plain TCP as the connection string says, TLS and WebSockets over TLS on the same port. */
export const ways = [
  ["tcp", (string) => [string, {}]],
  ["tls", (string) => [secure(string), {}]],
  ["wss", (string) => [secure(string), { webSocketOptions: { webSocket: WebSocket } }]],
];

function secure(string) {
  return string.replace(/;?UseDevelopmentEmulator=true/, "");
}

/** Fails soon, where the client's own patience is a minute. */
export const impatient = { retryOptions: { maxRetries: 0, timeoutInMs: 10_000 } };
