import { expect, test } from "vitest";
import { dropOf } from "./drop";

test.each([
  ["/a/Rooms.CSV"],
  ["C:\\sites\\campus.ndjson"],
  ["/a/rooms.csv", "/a/models.json", "/a/more.xlsx"],
])("files are opened together: %j", (...paths) => {
  expect(dropOf(paths).target).toEqual({ kind: "files", paths });
});

test.each(["C:\\sites\\contoso", "/v1.2/site", "/sites/contoso.old"])(
  "one path that is no file is a folder: %s",
  (path) => {
    const { target, title } = dropOf([path]);
    expect(target).toEqual({ kind: "workspace", path });
    expect(title).toMatch(/^Open the workspace folder (contoso|site)/);
  },
);

test("what is dropped is named, and many of it as a number", () => {
  expect(dropOf(["/a/campus.ndjson"]).title).toBe("Open campus.ndjson");
  const many = dropOf(Array.from({ length: 9 }, (_, at) => `/a/${at}.json`));
  expect(many.title).toBe("Open 9 files together");
  expect(many.lines).toEqual(["0.json", "1.json", "2.json", "3.json", "and 5 more"]);
});

test("a stranger among files is named, and nothing is opened", () => {
  const { target, lines } = dropOf(["/a/rooms.csv", "/a/notes.txt", "/a/site"]);
  expect(target).toBeNull();
  expect(lines[0]).toBe("Not a file of twins and models: notes.txt, site");
  expect(lines[1]).toContain(".ndjson");
});
