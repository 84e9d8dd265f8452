// Sign and capture an event with .NET 8 and the package BouncyCastle.Cryptography (the base library has no Ed25519).
//
//   dotnet new console -o capture && cd capture && dotnet add package BouncyCastle.Cryptography
//   cp .../docs/examples/Capture.cs Program.cs
//   WAYLOG_URL=http://localhost:8000 CLIENT_ID=... CLIENT_SECRET=... SIGNING_KEY=<base64, 32 bytes> \
//     dotnet run https://id.gs1.org/00/095211410000000014
//
// It commissions a logistic unit, which opens its shipment; the next act links to `statement_hash` (see capture.py).

using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

const string PayloadType = "application/vnd.waylog.statement+json";
string Env(string name) => Environment.GetEnvironmentVariable(name) ?? throw new Exception($"set {name}");
string Base64Url(byte[] data) => Convert.ToBase64String(data).TrimEnd('=').Replace('+', '-').Replace('/', '_');
string Hex(byte[] data) => Convert.ToHexString(data).ToLowerInvariant();
byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

var unit = args[0];
var key = new Ed25519PrivateKeyParameters(Convert.FromBase64String(Env("SIGNING_KEY")));
var x = Base64Url(key.GeneratePublicKey().GetEncoded());
var keyId = Base64Url(SHA256.HashData(Utf8($"{{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"{x}\"}}")));

using var http = new HttpClient { BaseAddress = new Uri(Env("WAYLOG_URL")) };
async Task<JsonElement> Send(HttpRequestMessage ask)
{
    var answer = await http.SendAsync(ask);
    var text = await answer.Content.ReadAsStringAsync();
    if (!answer.IsSuccessStatusCode) throw new Exception($"{(int)answer.StatusCode} {text}"); // the problem's own words
    return JsonDocument.Parse(text).RootElement;
}

var basic = Convert.ToBase64String(Utf8($"{Env("CLIENT_ID")}:{Env("CLIENT_SECRET")}"));
var form = new Dictionary<string, string> { ["grant_type"] = "client_credentials" };
var forToken = new HttpRequestMessage(HttpMethod.Post, "/oauth/token/") { Content = new FormUrlEncodedContent(form) };
forToken.Headers.Authorization = new AuthenticationHeaderValue("Basic", basic);
var token = (await Send(forToken)).GetProperty("access_token").GetString();
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
var origin = (await Send(new HttpRequestMessage(HttpMethod.Get, "/api/v1/log"))).GetProperty("origin").GetString();

var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
{
    ["@context"] = new[] { "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld" },
    ["event"] = new Dictionary<string, object>
    {
        ["type"] = "ObjectEvent",
        ["eventID"] = $"urn:uuid:{Guid.NewGuid()}",
        ["eventTime"] = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"),
        ["eventTimeZoneOffset"] = "+00:00",
        ["action"] = "ADD",
        ["bizStep"] = "commissioning",
        ["epcList"] = new[] { unit },
    },
});
var salt = RandomNumberGenerator.GetBytes(32);
var chain = RandomNumberGenerator.GetBytes(16); // the shipment's secret
var payload = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
{
    ["v"] = 1,
    ["log"] = origin!,
    ["type"] = "event",
    ["id"] = Hex(RandomNumberGenerator.GetBytes(16)),
    ["key"] = keyId,
    ["links"] = new[] { Hex(HMACSHA256.HashData(chain, new byte[32])) },
    ["body"] = Hex(SHA256.HashData([.. Utf8("waylog/body/v1\n"), .. salt, .. body])),
    ["claims"] = new Dictionary<string, object>(),
});
byte[] signed = [.. Utf8($"DSSEv1 {PayloadType.Length} {PayloadType} {payload.Length} "), .. payload]; // DSSE v1
var signer = new Ed25519Signer();
signer.Init(true, key);
signer.BlockUpdate(signed, 0, signed.Length);
var item = new
{
    envelope = new
    {
        payload = Convert.ToBase64String(payload),
        payloadType = PayloadType,
        signatures = new[] { new { keyid = keyId, sig = Convert.ToBase64String(signer.GenerateSignature()) } },
    },
    body = Convert.ToBase64String(body),
    salt = Convert.ToBase64String(salt),
    chains = new Dictionary<string, string> { [unit] = Convert.ToBase64String(chain) },
};
var capture = new HttpRequestMessage(HttpMethod.Post, "/api/v1/events")
{
    Content = new StringContent(JsonSerializer.Serialize(new[] { item }), Encoding.UTF8, "application/json"),
};
Console.WriteLine((await Send(capture)).GetProperty("items")[0].GetProperty("proof_url"));
