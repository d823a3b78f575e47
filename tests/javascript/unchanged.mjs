// As in the service's own samples: it knows an address and Azure's identity library.
import { DigitalTwinsClient } from "@azure/digital-twins-core";
import { DefaultAzureCredential } from "@azure/identity";

const client = new DigitalTwinsClient(process.env.AZURE_DIGITALTWINS_URL, new DefaultAzureCredential());
await client.createModels([{ "@id": "dtmi:x:A;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3" }]);
await client.upsertDigitalTwin("a", JSON.stringify({ $metadata: { $model: "dtmi:x:A;1" } }));
console.log((await client.getDigitalTwin("a")).body.$dtId);
