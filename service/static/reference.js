// The reference: every route and schema of /openapi.json, drawn here so that it works offline.
import { ask } from "/static/api.js";
import { element } from "/static/elements.js";
import { showTrouble } from "/static/notice.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const place = document.getElementById("reference");
let api;

start();

async function start() {
  try {
    api = await ask("/openapi.json");
  } catch (error) {
    showTrouble(document.getElementById("notice"), error, () => start());
    return;
  }
  document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
  document.getElementById("summary").textContent = api.info.summary ?? "";
  const routes = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method], shared: item.parameters ?? [] })),
  );
  const schemas = Object.entries(api.components?.schemas ?? {}).sort(([a], [b]) => a.localeCompare(b));
  document.getElementById("contents").replaceChildren(
    element("h2", { class: "hint" }, "Routes"),
    element("ul", {}, ...routes.map((route) => element("li", {}, element("a", { href: `#${anchor(route)}` }, element("span", { class: "method" }, route.method.toUpperCase()), " ", route.path)))),
    element("h2", { class: "hint" }, "Schemas"),
    element("ul", {}, ...schemas.map(([name]) => element("li", {}, element("a", { href: `#${name}` }, name)))),
  );
  place.replaceChildren(...routes.map(drawRoute), element("h2", { class: "section-title" }, "Schemas"), ...schemas.map(drawSchema));
  // The address may name a part that was not there when the page came.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

const anchor = ({ method, path }) => `${method}-${path.replace(/[^a-zA-Z0-9]+/g, "-").replace(/^-|-$/g, "")}`;

function resolve(node) {
  if (!node?.$ref) return node;
  return node.$ref.split("/").slice(1).reduce((at, part) => at?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], api);
}

function drawRoute(route) {
  const { operation, method, path } = route;
  const parameters = [...route.shared, ...(operation.parameters ?? [])].map(resolve);
  return element(
    "section",
    { class: "route", id: anchor(route) },
    element("h3", {}, operation.summary ?? path),
    element("p", { class: "path" }, element("span", { class: "method" }, method.toUpperCase()), " ", element("code", {}, path)),
    ...prose(operation.description),
    parameters.length ? [element("h4", {}, "Parameters"), table(parameters.map((p) => [`${p.name}${p.required ? "" : " ?"}`, [`in ${p.in}, `, ...typeOf(p.schema)], p.description ?? p.schema?.description]))] : null,
    operation.requestBody ? drawBody("Body", resolve(operation.requestBody)) : null,
    element("h4", {}, "Answers"),
    table(Object.entries(operation.responses ?? {}).map(([status, response]) => [status, shapes(resolve(response)), resolve(response).description])),
    ...Object.entries(operation.responses ?? {}).flatMap(([status, response]) => examples(resolve(response), `Answer ${status}`)),
  );
}

function drawBody(title, body) {
  return [element("h4", {}, title), element("p", {}, ...shapes(body)), ...prose(body.description), ...examples(body, "Example")];
}

/** "application/json: ScoreRequest", for each media type. */
function shapes({ content = {} }) {
  return Object.entries(content).flatMap(([media, { schema }], k) => [k ? ", " : "", element("code", {}, media), ...(schema && Object.keys(schema).length ? [": ", ...typeOf(schema)] : [])]);
}

function examples({ content = {} }, title) {
  return Object.values(content).flatMap((media) => {
    const given = media.examples ? Object.entries(media.examples).map(([name, one]) => [name, resolve(one).value]) : "example" in media ? [["", media.example]] : [];
    return given.map(([name, value]) => [
      element("h4", {}, name ? `${title}: ${name}` : title),
      element("pre", { tabindex: "0", "aria-label": name ? `${title}: ${name}` : title }, typeof value === "string" ? value : JSON.stringify(value, null, 2)),
    ]);
  }).flat();
}

function drawSchema([name, schema]) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([field, property]) => [
    `${field}${required.has(field) ? "" : " ?"}`,
    [...typeOf(property), "default" in property ? ` = ${JSON.stringify(property.default)}` : ""],
    property.description,
  ]);
  return element(
    "section",
    { class: "schema", id: name },
    element("h3", {}, schema.title ?? name),
    ...prose(schema.description),
    rows.length ? table(rows) : element("p", {}, ...typeOf(schema)),
    schema.additionalProperties === false ? element("p", { class: "hint" }, "No other fields are taken.") : null,
  );
}

function table(rows) {
  return element(
    "div",
    { class: "scroll" },
    element("table", {}, element("tbody", {}, ...rows.map(([name, type, told]) => element("tr", {}, element("th", { scope: "row" }, element("code", {}, name)), element("td", {}, element("p", {}, ...[type].flat()), ...prose(told)))))),
  );
}

/** A schema in a few words, with links to those that have a name. */
function typeOf(schema) {
  if (!schema || schema === true || !Object.keys(schema).length) return ["anything"];
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return [element("a", { href: `#${name}` }, name)];
  }
  for (const key of ["anyOf", "oneOf", "allOf"]) if (schema[key]) return joined(schema[key].map(typeOf), key === "allOf" ? " and " : " or ");
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(" or ")];
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (Array.isArray(schema.type)) return [schema.type.join(" or ")];
  if (schema.type === "array") return schema.prefixItems ? ["list of ", ...joined(schema.prefixItems.map(typeOf), ", ")] : ["list of ", ...typeOf(schema.items)];
  if (schema.type === "object" && schema.additionalProperties && schema.additionalProperties !== true) return ["object of ", ...typeOf(schema.additionalProperties)];
  const limits = [
    ["minimum", "from"], ["exclusiveMinimum", "above"], ["maximum", "up to"], ["exclusiveMaximum", "below"], ["minLength", "at least", "characters"],
    ["maxLength", "up to", "characters"], ["minItems", "at least", "items"], ["maxItems", "up to", "items"], ["pattern", "matching"], ["format", "as"],
  ].filter(([key]) => key in schema).map(([key, before, after]) => [before, schema[key], after].filter((part) => part !== undefined).join(" "));
  return [[schema.type ?? "anything", ...limits].join(", ")];
}

const joined = (parts, between) => parts.flatMap((part, k) => (k ? [between, ...part] : part));

/** Paragraphs; `code` between backticks. */
function prose(words) {
  if (!words) return [];
  return words.split(/\n\s*\n/).map((paragraph) => element("p", {}, ...paragraph.replace(/``/g, "`").split("`").map((part, k) => (k % 2 ? element("code", {}, part) : part))));
}
