// Signs members of an event apart: the body names each by a digest alone (ledger/tlog/disclosure.py in JavaScript).

import { base64url, random, utf8 } from "./encoding.js";
import { sha256 } from "./signer.js";

/** Put digests in the place of those of these members that the event has: {body, disclosures}. */
export async function hideMembers(body, names) {
  const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  const disclosures = [];
  const digests = [];
  for (const name of names) {
    if (!Object.hasOwn(value.event, name)) continue;
    const text = base64url(utf8(JSON.stringify([base64url(random(16)), name, value.event[name]])));
    delete value.event[name];
    disclosures.push(text);
    digests.push(base64url(await sha256(utf8(text))));
  }
  if (!disclosures.length) return { body, disclosures };
  value.event["waylog:_sd"] = digests.sort(); // their order tells nothing
  return { body: utf8(JSON.stringify(value)), disclosures };
}
