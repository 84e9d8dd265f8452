// Sign and capture events with WebCrypto alone: Node 20 or later, or a browser on the server's own pages.
//
//   WAYLOG_URL=http://localhost:8000 CLIENT_ID=... CLIENT_SECRET=... SIGNING_KEY=<base64, 32 bytes> \
//     node docs/examples/capture.mjs https://id.gs1.org/00/095211410000000014
//
// It commissions a logistic unit, which opens its shipment, reads the shipment's chain, links the packing to it, and
// keeps the proof. The same in Python, with more words: capture.py.

const CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"];
const PAYLOAD_TYPE = "application/vnd.waylog.statement+json";
const ZERO = new Uint8Array(32);

const utf8 = (text) => new TextEncoder().encode(text);
const random = (count) => crypto.getRandomValues(new Uint8Array(count));
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
const base64url = (bytes) => base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// Says which statement of the chain came before, to those who know its secret and to nobody else.
async function link(chain, prev) {
  const key = await crypto.subtle.importKey("raw", chain, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, prev));
}

// The Ed25519 key of a seed, and its RFC 7638 thumbprint.
async function keyOf(seed) {
  const pkcs8 = joined(fromHex("302e020100300506032b657004220420"), seed);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return { key, id: base64url(await sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`))) };
}

class Waylog {
  constructor(url, token, origin, signer) {
    Object.assign(this, { url, token, origin, signer });
  }

  static async open({ url, clientId, clientSecret, signingKey }) {
    const answer = await fetch(`${url}/oauth/token/`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
      body: new URLSearchParams({ grant_type: "client_credentials" }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    const { access_token: token } = await answer.json();
    const { origin } = await (await fetch(`${url}/api/v1/log`)).json();
    return new Waylog(url, token, origin, await keyOf(fromBase64(signingKey)));
  }

  // Sends a request; a refusal ends in the problem's own words.
  async send(path, { method = "GET", body, accept = "application/json" } = {}) {
    const headers = { Authorization: `Bearer ${this.token}`, Accept: accept };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(new URL(path, this.url), { method, headers, body });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer;
  }

  // Signs an event, linked into its shipments' chains, and captures it.
  async capture(event, links, chains = {}) {
    const item = await this.sign(event, links);
    const secrets = Object.entries(chains).map(([unit, secret]) => [unit, base64(secret)]);
    if (secrets.length) item.chains = Object.fromEntries(secrets);
    const answer = await this.send("/api/v1/events", { method: "POST", body: JSON.stringify([item]) });
    return (await answer.json()).items[0];
  }

  // Makes the body, its salted commitment, the statement that says both, and the signature over it (DSSE v1).
  async sign(event, links) {
    const body = utf8(JSON.stringify({ "@context": CONTEXT, event }));
    const salt = random(32);
    const statement = {
      v: 1,
      log: this.origin,
      type: "event",
      id: hex(random(16)),
      key: this.signer.id,
      links: links.map(hex),
      body: hex(await sha256(joined(utf8("waylog/body/v1\n"), salt, body))),
      claims: {},
    };
    const payload = utf8(JSON.stringify(statement));
    const signed = joined(utf8(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload);
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", this.signer.key, signed));
    const envelope = {
      payload: base64(payload),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ keyid: this.signer.id, sig: base64(signature) }],
    };
    return { envelope, body: base64(body), salt: base64(salt) };
  }
}

function happening(type, action, bizStep, members) {
  const eventTime = new Date().toISOString();
  const head = { type, eventID: `urn:uuid:${crypto.randomUUID()}`, eventTime, eventTimeZoneOffset: "+00:00" };
  return { ...head, action, bizStep, ...members };
}

// Commissions and packs `unit`; returns the proof of the second event.
async function run(unit, settings) {
  const waylog = await Waylog.open(settings);
  const chain = random(16); // the shipment's secret: its maker makes it, its parties are given it
  const made = happening("ObjectEvent", "ADD", "commissioning", { epcList: [unit] });
  await waylog.capture(made, [await link(chain, ZERO)], { [unit]: chain });

  const query = new URLSearchParams({ q: unit, status: "open" });
  const [shipment] = (await (await waylog.send(`/api/v1/shipments?${query}`)).json()).items;
  const found = await (await waylog.send(`/api/v1/shipments/${shipment.id}/chain`)).json();
  const childQuantityList = [{ epcClass: "https://id.gs1.org/01/09521141001011/10/A1", quantity: 50 }];
  const packed = happening("AggregationEvent", "ADD", "packing", { parentID: unit, childQuantityList });
  const result = await waylog.capture(packed, [await link(fromBase64(found.chain), fromHex(found.head))]);
  return (await waylog.send(result.proof_url, { accept: "text/plain" })).text();
}

if (globalThis.process?.argv) {
  const { env, argv, exit } = globalThis.process;
  const settings = {
    url: env.WAYLOG_URL ?? "http://localhost:8000",
    clientId: env.CLIENT_ID,
    clientSecret: env.CLIENT_SECRET,
    signingKey: env.SIGNING_KEY,
  };
  try {
    const proof = await run(argv[2], settings);
    const { writeFile } = await import("node:fs/promises");
    await writeFile("event.tlog-proof", proof);
    console.log("proof: event.tlog-proof");
  } catch (fault) {
    console.error(fault.message);
    exit(1);
  }
}
