import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.NamedParameterSpec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Sign and capture events with Java 17 and nothing else.
 *
 * <pre>WAYLOG_URL=http://localhost:8000 CLIENT_ID=... CLIENT_SECRET=... SIGNING_KEY=... \
 *   java docs/examples/Capture.java https://id.gs1.org/00/095211410000000014</pre>
 *
 * It commissions a logistic unit, which opens its shipment, reads the shipment's chain, links the packing to it, and
 * keeps the proof. The JDK has no JSON; what is read here are single texts. Use your JSON library.
 */
public final class Capture {
    private static final String CONTEXT = "[\"https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld\"]";
    private static final String PAYLOAD_TYPE = "application/vnd.waylog.statement+json";
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final HexFormat HEX = HexFormat.of();

    private final HttpClient http = HttpClient.newHttpClient();
    private final String url;
    private final String token;
    private final String origin;
    private final KeyPair key;
    private final String keyId;

    private Capture(String url, String clientId, String clientSecret, byte[] seed) throws Exception {
        this.url = url;
        String basic = Base64.getEncoder().encodeToString((clientId + ":" + clientSecret).getBytes(StandardCharsets.UTF_8));
        HttpRequest ask = HttpRequest.newBuilder(URI.create(url + "/oauth/token/"))
            .header("Authorization", "Basic " + basic)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString("grant_type=client_credentials"))
            .build();
        token = text(send(ask), "access_token");
        origin = text(get("/api/v1/log", "application/json"), "origin");
        key = keyOf(seed);
        byte[] encoded = key.getPublic().getEncoded(); // X.509: the raw key is its end
        String x = base64url(Arrays.copyOfRange(encoded, encoded.length - 32, encoded.length));
        keyId = base64url(sha256(utf8("{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + x + "\"}")));
    }

    public static void main(String[] arguments) throws Exception {
        String unit = arguments[0];
        String url = System.getenv().getOrDefault("WAYLOG_URL", "http://localhost:8000");
        byte[] seed = Base64.getDecoder().decode(System.getenv("SIGNING_KEY"));
        Capture waylog = new Capture(url, System.getenv("CLIENT_ID"), System.getenv("CLIENT_SECRET"), seed);

        byte[] chain = random(16); // the shipment's secret: its maker makes it, its parties are given it
        String made = happening("ObjectEvent", "ADD", "commissioning", "\"epcList\":[\"" + unit + "\"]");
        String secrets = ",\"chains\":{\"" + unit + "\":\"" + base64(chain) + "\"}";
        waylog.capture(made, link(chain, new byte[32]), secrets);

        String query = "?status=open&q=" + URLEncoder.encode(unit, StandardCharsets.UTF_8);
        String shipment = text(waylog.get("/api/v1/shipments" + query, "application/json"), "id");
        String found = waylog.get("/api/v1/shipments/" + shipment + "/chain", "application/json");
        byte[] head = HEX.parseHex(text(found, "head"));
        String contents = "\"childQuantityList\":[{\"epcClass\":\"https://id.gs1.org/01/09521141001011/10/A1\",\"quantity\":50}]";
        String packed = happening("AggregationEvent", "ADD", "packing", "\"parentID\":\"" + unit + "\"," + contents);
        String result = waylog.capture(packed, link(Base64.getDecoder().decode(text(found, "chain")), head), "");

        String proof = URI.create(text(result, "proof_url")).getPath();
        Files.writeString(Path.of("event.tlog-proof"), waylog.get(proof, "text/plain"));
        System.out.println("proof: event.tlog-proof");
    }

    /** Sign an event, linked into its shipment's chain, and capture it. */
    private String capture(String event, byte[] link, String chains) throws Exception {
        byte[] body = utf8("{\"@context\":" + CONTEXT + ",\"event\":" + event + "}");
        byte[] salt = random(32);
        String commitment = HEX.formatHex(sha256(joined(utf8("waylog/body/v1\n"), salt, body)));
        String statement = "{\"v\":1,\"log\":\"" + origin + "\",\"type\":\"event\",\"id\":\"" + HEX.formatHex(random(16))
            + "\",\"key\":\"" + keyId + "\",\"links\":[\"" + HEX.formatHex(link) + "\"],\"body\":\"" + commitment
            + "\",\"claims\":{}}";
        byte[] payload = utf8(statement);
        Signature signer = Signature.getInstance("Ed25519"); // over DSSE's pre-authentication encoding
        signer.initSign(key.getPrivate());
        signer.update(utf8("DSSEv1 " + PAYLOAD_TYPE.length() + " " + PAYLOAD_TYPE + " " + payload.length + " "));
        signer.update(payload);
        String item = "[{\"envelope\":{\"payload\":\"" + base64(payload) + "\",\"payloadType\":\"" + PAYLOAD_TYPE
            + "\",\"signatures\":[{\"keyid\":\"" + keyId + "\",\"sig\":\"" + base64(signer.sign()) + "\"}]},\"body\":\""
            + base64(body) + "\",\"salt\":\"" + base64(salt) + "\"" + chains + "}]";
        HttpRequest ask = HttpRequest.newBuilder(URI.create(url + "/api/v1/events"))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(item))
            .build();
        return send(ask);
    }

    private String get(String path, String accept) throws Exception {
        return send(HttpRequest.newBuilder(URI.create(url + path))
            .header("Authorization", "Bearer " + token)
            .header("Accept", accept)
            .build());
    }

    /** Send a request; a refusal ends in the problem's own words. */
    private String send(HttpRequest ask) throws Exception {
        HttpResponse<String> answer = http.send(ask, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) {
            System.err.println(answer.statusCode() + " " + answer.body());
            System.exit(1);
        }
        return answer.body();
    }

    /** Say which statement of the chain came before, to those who know its secret and to nobody else. */
    private static byte[] link(byte[] chain, byte[] prev) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(chain, "HmacSHA256"));
        return mac.doFinal(prev);
    }

    private static String happening(String type, String action, String step, String members) {
        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        return "{\"type\":\"" + type + "\",\"eventID\":\"urn:uuid:" + UUID.randomUUID() + "\",\"eventTime\":\"" + now
            + "\",\"eventTimeZoneOffset\":\"+00:00\",\"action\":\"" + action + "\",\"bizStep\":\"" + step + "\","
            + members + "}";
    }

    /** The key pair of a seed: the generator takes its 32 random bytes from us. */
    private static KeyPair keyOf(byte[] seed) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
        generator.initialize(NamedParameterSpec.ED25519, new SecureRandom() {
            @Override
            public void nextBytes(byte[] bytes) {
                System.arraycopy(seed, 0, bytes, 0, bytes.length);
            }
        });
        return generator.generateKeyPair();
    }

    private static String text(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\"([^\"]*)\"").matcher(json);
        if (!found.find()) throw new IllegalStateException("no " + name + " in " + json);
        return found.group(1);
    }

    private static byte[] random(int count) {
        byte[] made = new byte[count];
        RANDOM.nextBytes(made);
        return made;
    }

    private static byte[] sha256(byte[] data) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(data);
    }

    private static byte[] joined(byte[]... parts) throws Exception {
        var whole = new java.io.ByteArrayOutputStream();
        for (byte[] part : parts) whole.write(part);
        return whole.toByteArray();
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String base64(byte[] data) {
        return Base64.getEncoder().encodeToString(data);
    }

    private static String base64url(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }
}
