import type { Limits } from "../src/wire/Limits";
import type { LimitsChoice } from "../src/wire/LimitsChoice";
import type { LimitUse } from "../src/wire/LimitUse";

type Kind = LimitUse["kind"];
type Unit = LimitUse["unit"];

const rows: [string, string, Kind, Unit, number | null, number][] = [
  ["twins", "Twins of the instance", "held", "items", 2_000_000, 51],
  ["relationships", "Relationships of the instance", "held", "items", 20_000_000, 50],
  ["outgoingRelationshipsPerTwin", "Relationships that leave a twin", "held", "items", 50_000, 8],
  ["bodyBytes", "Body of a twin, relationship or patch", "each", "bytes", 32_768, 29_900],
  ["stringBytes", "String value of a property", "each", "bytes", 4_096, 212],
  ["models", "Models of the instance", "held", "items", 10_000, 4],
  ["eventRoutes", "Event routes of the instance", "held", "items", 6, 3],
  ["endpoints", "Endpoints of the instance", "held", "items", 6, 2],
  ["queryCharacters", "Text of a query", "each", "characters", 8_000, 96],
  ["modelRequestsPerSecond", "Model requests", "rate", "items", 100, 2],
  ["twinReadsPerSecond", "Reads of twins and relationships", "rate", "items", 1_000, 240],
  [
    "operationsPerTwinPerSecond",
    "Writes to one twin and its relationships",
    "rate",
    "items",
    10,
    10,
  ],
  ["queryUnitsPerSecond", "Query units", "rate", "items", 4_000, 12],
  ["jobRequestsPerSecond", "Job requests", "rate", "items", null, 0],
];

/** Limits as an instance under some load has them. */
export function fixtureLimits(host: {
  throttled: number;
  target: { kind: string };
  enforced: LimitsChoice;
  queryLagSeconds: number | null;
}): Limits {
  const remote = host.target.kind === "remote";
  const limits = rows.map(([name, what, kind, unit, most, now]): LimitUse => {
    const refused = name === "operationsPerTwinPerSecond" ? host.throttled : 0;
    const known = !remote || kind === "held";
    return {
      name,
      area: "Digital twins",
      what,
      kind,
      unit,
      most,
      now: known ? now : null,
      highest: known ? now : null,
      refused: refused * 3,
      refusedLately: refused,
      twin: name.includes("PerTwin") ? "thermo_0011" : null,
      source: "Azure Digital Twins service limits, 01/2025",
    };
  });
  const { enforced, queryLagSeconds } = host;
  return {
    enforced: remote ? "remote" : typeof enforced === "string" ? enforced : "file",
    given: remote,
    file: typeof enforced === "string" ? null : enforced.file,
    queryLagSeconds,
    queryLagGiven: remote,
    limits,
  };
}
