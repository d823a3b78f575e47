// Sends and streams until its standard input ends, whatever its server does meanwhile; then says what
// it sent, was handed and was told.
import { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } from "@azure/event-hubs";
import { ServiceBusClient } from "@azure/service-bus";
import { eventHub, serviceBus } from "./namespace.mjs";

// What was on its way when a connection ends, the clients miss only when their time-out is over.
const options = { retryOptions: { maxRetries: 50, retryDelayInMs: 200, maxRetryDelayInMs: 500, timeoutInMs: 2_000 } };
const producer = new EventHubProducerClient(eventHub(), options);
const consumer = new EventHubConsumerClient("$Default", eventHub(), options);
const bus = new ServiceBusClient(serviceBus, options);
const [sender, receiver] = [bus.createSender("orders"), bus.createReceiver("orders")];
const said = { events: 0, read: [], orders: 0, handled: [], errors: [] };
let ended = false;

const processError = async (error) => said.errors.push(String(error.error ?? error));
const events = consumer.subscribe(
  "0",
  { processEvents: async (some) => said.read.push(...some.map((event) => event.body)), processError },
  { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
);
const orders = receiver.subscribe({ processMessage: async (message) => said.handled.push(message.body), processError });

/** Sends one after the other; nobody listening is no error that the clients try again, so this does. */
async function keepOn(send) {
  while (!ended) {
    try {
      await send();
    } catch (error) {
      said.errors.push(String(error));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
const sending = Promise.all([
  keepOn(async () => {
    await producer.sendBatch([{ body: said.events }], { partitionId: "0" });
    said.events += 1;
  }),
  keepOn(async () => {
    await sender.sendMessages({ body: said.orders });
    said.orders += 1;
  }),
]);
const progress = setInterval(() => console.log(JSON.stringify({ ...said, read: said.read.length, handled: said.handled.length })), 100);
process.stdin.resume();
await new Promise((resolve) => process.stdin.on("end", resolve));
ended = true;
await sending;
const all = () => said.read.length >= said.events && new Set(said.handled).size >= said.orders;
for (let tries = 0; tries < 100 && !all(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
clearInterval(progress);
await Promise.all([events.close(), orders.close()]);
await Promise.all([producer.close(), consumer.close(), bus.close()]);
console.log(JSON.stringify(said));
