#!/usr/bin/env bash
# Sign and capture events with curl and OpenSSL 3 alone: open a shipment of a logistic unit, read its chain, and link
# the next act to it.
#
#   WAYLOG_URL=http://localhost:8000 CLIENT_ID=... CLIENT_SECRET=... SIGNING_KEY=<base64, 32 bytes> \
#     docs/examples/capture.sh https://id.gs1.org/00/095211410000000014
#
# The key must be registered for the client's party (docs/api.md, Keys). The demo's values are in .waylog/demo.json.
# The proof of the last event is written to event.tlog-proof: `python -m ledger.tlog verify event.tlog-proof --vkey ...`.
set -euo pipefail
umask 077
: "${WAYLOG_URL:=http://localhost:8000}" "${CLIENT_ID:?}" "${CLIENT_SECRET:?}" "${SIGNING_KEY:?}" "${1:?the unit}"
unit=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

b64() { openssl base64 -A; }                                        # bytes -> base64
b64url() { b64 | tr '+/' '-_' | tr -d '='; }                        # bytes -> base64url
unhex() { printf '%b' "$(sed 's/../\\x&/g')"; }                     # hex -> bytes
sha256() { openssl dgst -sha256 -r | cut -d' ' -f1; }               # bytes -> hex
hmac() { openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -r | cut -d' ' -f1; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }           # a text in a JSON answer
api() {                                                             # a refusal is shown in its own words
  curl --silent --show-error --fail-with-body -H "Authorization: Bearer $token" -o "$work/answer" "$@" ||
    { cat "$work/answer" >&2; return 1; }
  cat "$work/answer"
}

# A token, by OAuth 2 client credentials, and the log that statements are for.
token=$(curl --silent --show-error --fail -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials \
  "$WAYLOG_URL/oauth/token/" | member access_token)
origin=$(api "$WAYLOG_URL/api/v1/log" | member origin)

# The key: 32 bytes behind the fixed header of PKCS #8; its id is the RFC 7638 thumbprint of the public key.
{ printf 302e020100300506032b657004220420 | unhex; printf %s "$SIGNING_KEY" | openssl base64 -d -A; } > "$work/key.der"
openssl pkey -inform DER -in "$work/key.der" -out "$work/key.pem"
x=$(openssl pkey -in "$work/key.pem" -pubout -outform DER | tail -c 32 | b64url)
key_id=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$x" | openssl dgst -sha256 -binary | b64url)

# capture EVENT [LINK [CHAINS]]: sign EVENT (JSON), linked by LINK (hex), and post it with the secrets it opens.
capture() {
  local event=$1 link=${2:-} chains=${3:-}
  printf '{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"event":%s}' "$event" \
    > "$work/body"
  openssl rand 32 > "$work/salt"
  local commitment
  commitment=$({ printf 'waylog/body/v1\n'; cat "$work/salt" "$work/body"; } | sha256)
  printf '{"v":1,"log":"%s","type":"event","id":"%s","key":"%s","links":[%s],"body":"%s","claims":{}}' \
    "$origin" "$(openssl rand -hex 16)" "$key_id" "${link:+\"$link\"}" "$commitment" > "$work/statement"
  # DSSE: what is signed is the payload behind its type and its length.
  local type=application/vnd.waylog.statement+json
  { printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c < "$work/statement")"; cat "$work/statement"; } > "$work/pae"
  openssl pkeyutl -sign -rawin -inkey "$work/key.pem" -in "$work/pae" -out "$work/sig"
  printf '[{"envelope":{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]},"body":"%s","salt":"%s"%s}]' \
    "$(b64 < "$work/statement")" "$type" "$key_id" "$(b64 < "$work/sig")" \
    "$(b64 < "$work/body")" "$(b64 < "$work/salt")" "${chains:+,\"chains\":$chains}" > "$work/request"
  api -H "Content-Type: application/json" --data-binary "@$work/request" "$WAYLOG_URL/api/v1/events"
}

event_id() { openssl rand -hex 16 | sed 's/\(.\{8\}\)\(....\).\(...\).\(...\)\(.*\)/urn:uuid:\1-\2-4\3-8\4-\5/'; }
now() { date -u +%Y-%m-%dT%H:%M:%S.000Z; }

# 1. Commission the unit. That opens its shipment: make the chain's secret; the first link follows 32 zero bytes.
chain=$(openssl rand -hex 16)
zero=$(printf '0%.0s' {1..64})
answer=$(capture "{\"type\":\"ObjectEvent\",\"eventID\":\"$(event_id)\",\"eventTime\":\"$(now)\",\"eventTimeZoneOffset\":\"+00:00\",\"action\":\"ADD\",\"bizStep\":\"commissioning\",\"disposition\":\"active\",\"epcList\":[\"$unit\"]}" \
  "$(printf %s "$zero" | unhex | hmac "$chain")" "{\"$unit\":\"$(printf %s "$chain" | unhex | b64)\"}")
printf 'commissioned: %s\n' "$(printf %s "$answer" | member proof_url)"

# 2. Find the shipment and read its chain, as any of its parties may.
shipment=$(api --get --data-urlencode "q=$unit" --data "status=open" "$WAYLOG_URL/api/v1/shipments" | member id)
api "$WAYLOG_URL/api/v1/shipments/$shipment/chain" > "$work/chain"
head=$(member head < "$work/chain")
secret=$(member chain < "$work/chain" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')

# 3. Pack into it: the link says that we have seen what came before.
answer=$(capture "{\"type\":\"AggregationEvent\",\"eventID\":\"$(event_id)\",\"eventTime\":\"$(now)\",\"eventTimeZoneOffset\":\"+00:00\",\"action\":\"ADD\",\"bizStep\":\"packing\",\"disposition\":\"in_progress\",\"parentID\":\"$unit\",\"childQuantityList\":[{\"epcClass\":\"https://id.gs1.org/01/09521141001011/10/A1\",\"quantity\":50}]}" \
  "$(printf %s "$head" | unhex | hmac "$secret")")
proof_url=$(printf %s "$answer" | member proof_url)
printf 'packed:       %s\n' "$proof_url"

# 4. Keep the proof.
api -H "Accept: text/plain" "$proof_url" > event.tlog-proof
printf 'proof:        event.tlog-proof\n'
