#!/bin/sh
# Check the Ed25519 signature of one delivery with openssl (3.0 or newer) and nothing else:
#   verify_webhook.sh "$GS1_SIGNATURE" https://partner.example/hook body.json keys.json
# `body.json` is the body as it came, byte for byte; `keys.json` is what GET /epcis/webhook-keys answered.
set -eu
header=$1 dest=$2 body=$3 keys=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

time=$(printf %s "$header" | sed -n 's/.*t=\([0-9]*\).*/\1/p')
kid=$(printf %s "$header" | sed -n 's/.*keyid="\([A-Za-z0-9_-]*\)".*/\1/p')
printf %s "$header" | sed -n 's/.*ed25519=:\([A-Za-z0-9+\/=]*\):.*/\1/p' | openssl base64 -d -A > "$folder/signature"

# The public key: 32 bytes behind the 12 that say "Ed25519" (RFC 8410).
x=$(tr '{' '\n' < "$keys" | grep -F "\"kid\": \"$kid\"" | sed -n 's/.*"x": "\([A-Za-z0-9_-]*\)".*/\1/p' | tr '_-' '/+')
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; printf '%s=' "$x" | openssl base64 -d -A; } > "$folder/key.der"

{ printf '%s\n%s\n' "$time" "$dest"; cat "$body"; } > "$folder/signed"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$folder/key.der" -rawin -in "$folder/signed" -sigfile "$folder/signature"
