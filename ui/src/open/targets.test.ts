import { expect, test } from "vitest";
import { targetKey } from "./targets";

test("the name of a target holds no secret", () => {
  const credential = { kind: "token", token: "s3cret" } as const;
  const key = targetKey({ kind: "remote", endpoint: "https://a", ca: null, credential });
  expect(key).not.toContain("s3cret");
});
