import type { Target } from "../wire/Target";

/** A target in words: what it is, and where. */
export function inWords(target: Target): { what: string; where: string } {
  switch (target.kind) {
    case "sample":
      return { what: "Sample building", where: "built into the app" };
    case "workspace":
      return { what: lastPart(target.path), where: target.path };
    case "files": {
      const [first = "", ...more] = target.paths;
      const what = more.length > 0 ? `${lastPart(first)} and ${more.length} more` : lastPart(first);
      return { what, where: target.paths.join(", ") };
    }
    case "remote":
      return { what: hostOf(target.endpoint), where: target.endpoint };
  }
}

export const lastPart = (path: string): string =>
  path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;

function hostOf(endpoint: string): string {
  try {
    return new URL(endpoint).host;
  } catch {
    return endpoint;
  }
}

/** Whether opening it again needs a secret that is never written down. */
export function needsSecret(target: Target): boolean {
  if (target.kind !== "remote") return false;
  const { credential } = target;
  return (
    (credential.kind === "token" && credential.token === "") ||
    (credential.kind === "clientSecret" && credential.secret === "")
  );
}

/** Names a target, without its secrets. */
export function targetKey(target: Target): string {
  switch (target.kind) {
    case "sample":
      return "sample";
    case "workspace":
      return `workspace ${target.path}`;
    case "files":
      return `files ${target.paths.join(" ")}`;
    case "remote":
      return `remote ${target.endpoint}`;
  }
}

/** What files of twins end in. */
export const fileEndings = ["ndjson", "jsonl", "json", "xlsx", "csv"];
