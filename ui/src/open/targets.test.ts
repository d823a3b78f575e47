import { expect, test } from "vitest";
import { inWords, targetKey, targetOf } from "./targets";

test("the name of a target holds no secret", () => {
  const credential = { kind: "token", token: "s3cret" } as const;
  const key = targetKey({ kind: "remote", endpoint: "https://a", ca: null, credential });
  expect(key).not.toContain("s3cret");
});

test("what is dropped is opened together as files, or as the one folder that it is", () => {
  const paths = ["/a/Rooms.CSV", "/a/edges.csv"];
  expect(targetOf(paths)).toEqual({ kind: "files", paths });
  expect(inWords({ kind: "files", paths }).what).toBe("Rooms.CSV and 1 more");
  expect(targetOf(["C:\\sites\\contoso"])).toEqual({
    kind: "workspace",
    path: "C:\\sites\\contoso",
  });
  expect(targetOf(["/v1.2/site"])).toEqual({ kind: "workspace", path: "/v1.2/site" });
  expect(targetOf(["/a/x.txt", "/a/y.json"])).toEqual({
    kind: "files",
    paths: ["/a/x.txt", "/a/y.json"],
  });
});
