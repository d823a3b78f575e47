// Builds a form for each operation of /openapi.json and sends what is filled in.

const METHODS = ["get", "put", "post", "patch", "delete"];
const token = document.querySelector("#token");
const version = document.querySelector("#version");

/** An element with properties and children. Text is text: nothing is parsed as HTML. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function resolve(api, schema) {
  return schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema;
}

/** The request that a filled form describes: address and what fetch takes. */
function request(method, path, operation, form) {
  const query = new URLSearchParams({ "api-version": version.value });
  const headers = { Authorization: `Bearer ${token.value}` };
  let address = path;
  for (const parameter of operation.parameters) {
    const value = form.elements[parameter.name]?.value ?? "";
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value === "") continue;
    else if (parameter.in === "query") query.append(parameter.name, value);
    else headers[parameter.name] = value;
  }
  const media = operation.requestBody && Object.keys(operation.requestBody.content)[0];
  if (media) headers["Content-Type"] = media;
  const body = media ? form.elements.body.value : undefined;
  return [`${address}?${query}`, { method: method.toUpperCase(), headers, body }];
}

async function send(button, output, [address, options]) {
  button.disabled = true;
  try {
    const answer = await fetch(address, options);
    const text = await answer.text();
    const shown = ["etag", "query-charge", "x-ms-error-code", "retry-after"]
      .filter((name) => answer.headers.has(name))
      .map((name) => `${name}: ${answer.headers.get(name)}`);
    output.textContent = [`${answer.status} ${answer.statusText}`, ...shown, "", pretty(text)].join("\n");
  } catch (error) {
    output.textContent = `No answer: ${error.message}. Is the server still running?`;
  } finally {
    button.disabled = false;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function field(parameter) {
  const input = element("input", {
    name: parameter.name,
    required: parameter.required === true,
    title: parameter.description ?? "",
    placeholder: parameter.description ?? "",
  });
  return element("label", {}, element("span", {}, parameter.name), input);
}

function form(api, method, path, operation) {
  const output = element("pre");
  const button = element("button", {}, "Send");
  const made = element("form");
  const own = operation.parameters.filter(({ name }) => name !== "api-version" && name !== "traceparent");
  made.append(...own.map(field));
  const media = operation.requestBody && Object.values(operation.requestBody.content)[0];
  if (media) {
    const example = resolve(api, media.schema)?.example;
    const value = example === undefined ? "" : JSON.stringify(example, null, 2);
    made.append(element("label", {}, element("span", {}, "Body"), element("textarea", { name: "body", value })));
  }
  made.append(button, output);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    send(button, output, request(method, path, operation, made));
  });
  return made;
}

function show(api, method, path, operation) {
  const head = element(
    "summary",
    {},
    element("span", { className: "method" }, method.toUpperCase()),
    element("code", {}, path),
    ` ${operation.summary}`,
  );
  const details = element("details", { id: operation.operationId }, head);
  details.addEventListener("toggle", () => details.append(form(api, method, path, operation)), { once: true });
  return details;
}

const api = await (await fetch("/openapi.json")).json();
const operations = Object.entries(api.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => item[method]).map((method) => [method, path, item[method]]),
);
const versions = operations[0][2].parameters.find(({ name }) => name === "api-version").schema;
version.append(...versions.enum.map((name) => element("option", { selected: name === versions.default }, name)));
const groups = Map.groupBy(operations, ([, , operation]) => operation.tags[0]);
document
  .querySelector("#operations")
  .replaceChildren(
    ...[...groups].flatMap(([tag, members]) => [
      element("h2", {}, tag),
      ...members.map((member) => show(api, ...member)),
    ]),
  );
