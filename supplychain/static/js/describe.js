// Says in words what the body of an event says, from its own bytes, so that nobody signs what they have not read.

const STEPS = {
  commissioning: "gives the unit its identifier",
  packing: "packs into the unit",
  shipping: "hands the unit over",
  receiving: "takes the unit over",
  accepting: "takes the unit over",
  unpacking: "unpacks the unit",
};

function identifier(uri) {
  const found = /^https:\/\/id\.gs1\.org\/(\d+)\/([^/]+)(?:\/(10|21)\/([^/]+))?/.exec(uri);
  if (!found) return uri;
  const kind = { "00": "SSCC ", "01": "", 414: "GLN ", 417: "party GLN " }[found[1]] ?? "";
  const rest = found[4] ? ` ${found[3] === "10" ? "lot" : "serial"} ${decodeURIComponent(found[4])}` : "";
  return `${kind}${decodeURIComponent(found[2])}${rest}`;
}

const named = (uri, names) => (names[uri] ? `${names[uri]} (${identifier(uri)})` : identifier(uri));

function places(list, type, names) {
  return (list ?? []).filter((each) => each.type === type).map((each) => named(each.source ?? each.destination, names));
}

function quantities(list, names) {
  return (list ?? []).map((each) => {
    const product = names[each.epcClass] ?? "";
    return `${each.quantity} ${each.uom ?? ""} ${product ? `${product}, ` : ""}${identifier(each.epcClass)}`.replace(/\s+/g, " ");
  });
}

/** Lines of [what, words]. `names` gives names to identifiers, which are shown beside them; `apart` is signed apart. */
export function describe(bytes, names = {}, apart = []) {
  const { event } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  const lines = [];
  const add = (what, words) => { if (words !== undefined && words !== "" && words.length !== 0) lines.push([what, words]); };
  if (event.errorDeclaration) add("Declares wrong", `the event ${event.eventID}: ${event.errorDeclaration.reason ?? "no reason given"}`);
  add("Act", STEPS[event.bizStep] ?? (event["waylog:discrepancy"] ? "answers a discrepancy" : event.bizStep));
  for (const unit of [...(event.parentID ? [event.parentID] : []), ...(event.epcList ?? [])]) add("Unit", identifier(unit));
  for (const line of quantities(event.childQuantityList, names)) add("Contents", line);
  for (const line of quantities(event.quantityList, names)) add(event.bizStep === "receiving" || event.bizStep === "accepting" ? "Counted" : "Contents", line);
  for (const line of quantities(event["waylog:damaged"], names)) add("Damaged", line);
  for (const child of event.childEPCs ?? []) add("Contents", identifier(child));
  for (const who of places(event.sourceList, "possessing_party", names)) add("From", who);
  for (const who of places(event.destinationList, "possessing_party", names)) add("To", who);
  for (const who of places(event.destinationList, "owning_party", names)) add("For", who);
  for (const where of places(event.destinationList, "location", names)) add("At", where);
  if (event.readPoint?.id) add("Place", named(event.readPoint.id, names));
  for (const [name, what] of [["trip:driver", "Driver"], ["trip:vehicle", "Vehicle"]]) {
    add(what, event[name] && `${event[name]}${apart.includes(name) ? " (signed apart)" : ""}`);
  }
  add("Seal", event["waylog:seal"]);
  add("Promised", event["waylog:promisedTime"]);
  if (event["waylog:maxTemperature"] !== undefined) add("Limit", `${event["waylog:maxTemperature"]} °C`);
  if (event.persistentDisposition?.set) add("Remark", event.persistentDisposition.set.join(", ").replaceAll("_", " "));
  for (const each of event.bizTransactionList ?? []) add("Reference", each.bizTransaction);
  add("Answer", event["waylog:discrepancy"]);
  add("About", event["waylog:about"]);
  add("Note", event["waylog:note"]);
  add("Time", `${event.eventTime}`);
  return lines;
}
