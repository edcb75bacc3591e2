import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.Delete;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

/** Uses S3 at AWS_ENDPOINT_URL as programs with the AWS SDK for Java do. java S3.java BUCKET DIRECTORY */
public class S3 {
    static String bucket;
    static S3Client c;

    public static void main(String[] args) throws Exception {
        bucket = args[0];
        Path dir = Files.createTempDirectory(Path.of(args[1]), "java");
        c = S3Client.builder().forcePathStyle(true).build();
        c.createBucket(b -> b.bucket(bucket));
        c.waiter().waitUntilBucketExists(b -> b.bucket(bucket));
        objects();
        presigned();
        try (S3AsyncClient crt = S3AsyncClient.crtBuilder().endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL"))).forcePathStyle(true)
                .minimumPartSizeInBytes(5L << 20).thresholdInBytes(8L << 20).build()) {
            transfer(crt, "crt", dir);
        }
        try (S3AsyncClient netty = S3AsyncClient.builder().forcePathStyle(true).multipartEnabled(true)
                .multipartConfiguration(m -> m.minimumPartSizeInBytes(5L << 20).thresholdInBytes(8L << 20)).build()) {
            transfer(netty, "netty", dir);
        }
        remove();
    }

    static void check(boolean ok, Object got) {
        if (!ok) {
            throw new AssertionError(got);
        }
    }

    static void objects() {
        String key = "dir/a b+ü.txt";
        c.putObject(b -> b.bucket(bucket).key(key).contentType("text/plain").metadata(Map.of("colour", "blue")).tagging("k=v"), RequestBody.fromString("hello"));
        var got = c.getObjectAsBytes(b -> b.bucket(bucket).key(key).checksumMode(ChecksumMode.ENABLED));
        check(got.asUtf8String().equals("hello") && got.response().metadata().get("colour").equals("blue") && got.response().tagCount() == 1, got);
        check(c.getObjectAsBytes(b -> b.bucket(bucket).key(key).range("bytes=1-2")).asUtf8String().equals("el"), "range");
        c.copyObject(b -> b.sourceBucket(bucket).sourceKey(key).destinationBucket(bucket).destinationKey("copy"));
        for (ChecksumAlgorithm a : List.of(ChecksumAlgorithm.CRC32, ChecksumAlgorithm.CRC32_C, ChecksumAlgorithm.CRC64_NVME, ChecksumAlgorithm.SHA1, ChecksumAlgorithm.SHA256)) {
            c.putObject(b -> b.bucket(bucket).key("sum").checksumAlgorithm(a), RequestBody.fromString("hello"));
            c.getObjectAsBytes(b -> b.bucket(bucket).key("sum").checksumMode(ChecksumMode.ENABLED));
        }
        var keys = c.listObjectsV2Paginator(b -> b.bucket(bucket).maxKeys(1)).contents().stream().map(o -> o.key()).toList();
        check(keys.equals(List.of("copy", key, "sum")), keys);
        try {
            c.getObjectAsBytes(b -> b.bucket(bucket).key("none"));
            check(false, "an object that isn't there");
        } catch (NoSuchKeyException e) {
            check(e.statusCode() == 404, e);
        }
        try {
            c.putObject(b -> b.bucket(bucket).key(key).ifNoneMatch("*"), RequestBody.fromString("x"));
            check(false, "overwritten");
        } catch (S3Exception e) {
            check(e.statusCode() == 412, e);
        }
    }

    static void presigned() throws Exception {
        try (S3Presigner p = S3Presigner.builder().serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build()).build()) {
            var put = p.presignPutObject(b -> b.signatureDuration(Duration.ofMinutes(1)).putObjectRequest(r -> r.bucket(bucket).key("linked").metadata(Map.of("colour", "blue"))));
            var request = HttpRequest.newBuilder(put.url().toURI()).PUT(HttpRequest.BodyPublishers.ofString("by link"));
            put.signedHeaders().forEach((k, v) -> {
                if (!k.equalsIgnoreCase("host")) {
                    request.header(k, v.get(0));
                }
            });
            var http = HttpClient.newHttpClient();
            var answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
            check(answer.statusCode() == 200, answer.body());
            var get = p.presignGetObject(b -> b.signatureDuration(Duration.ofMinutes(1)).getObjectRequest(r -> r.bucket(bucket).key("linked")));
            answer = http.send(HttpRequest.newBuilder(get.url().toURI()).build(), HttpResponse.BodyHandlers.ofString());
            check(answer.body().equals("by link"), answer.body());
        }
    }

    /** Uploads and downloads files, in parts if they are large. */
    static void transfer(S3AsyncClient client, String name, Path dir) throws Exception {
        byte[] body = new byte[(21 << 20) + 7];
        new Random(1).nextBytes(body);
        Path tree = Files.createDirectories(dir.resolve(name).resolve("sub"));
        Files.write(tree.resolve("large"), body);
        Files.writeString(tree.resolveSibling("small"), "hello");
        try (S3TransferManager m = S3TransferManager.builder().s3Client(client).build()) {
            var up = m.uploadDirectory(b -> b.bucket(bucket).s3Prefix(name).source(dir.resolve(name))).completionFuture().join();
            check(up.failedTransfers().isEmpty(), up);
            var head = c.headObject(b -> b.bucket(bucket).key(name + "/sub/large"));
            check(head.contentLength() == body.length && head.eTag().endsWith("-5\""), head);
            Path back = dir.resolve(name + "-back");
            var down = m.downloadDirectory(b -> b.bucket(bucket).listObjectsV2RequestTransformer(l -> l.prefix(name + "/")).destination(back)).completionFuture().join();
            check(down.failedTransfers().isEmpty(), down);
            check(Arrays.equals(Files.readAllBytes(back.resolve("sub/large")), body), "other bytes");
            check(Files.readString(back.resolve("small")).equals("hello"), "small");
            m.copy(b -> b.copyObjectRequest(r -> r.sourceBucket(bucket).sourceKey(name + "/sub/large").destinationBucket(bucket).destinationKey(name + "/copy"))).completionFuture().join();
            var stream = AsyncRequestBody.forBlockingInputStream(null); // of unknown length
            var sent = m.upload(b -> b.requestBody(stream).putObjectRequest(r -> r.bucket(bucket).key(name + "/stream")));
            stream.writeInputStream(new java.io.ByteArrayInputStream(body));
            sent.completionFuture().join();
            check(c.headObject(b -> b.bucket(bucket).key(name + "/stream")).contentLength() == body.length, "stream");
        }
        check(c.listMultipartUploads(b -> b.bucket(bucket)).uploads().isEmpty(), "an upload is left");
    }

    static void remove() {
        var objects = c.listObjectsV2(b -> b.bucket(bucket)).contents().stream().map(o -> ObjectIdentifier.builder().key(o.key()).build()).toList();
        var gone = c.deleteObjects(b -> b.bucket(bucket).delete(Delete.builder().objects(objects).build()));
        check(gone.errors().isEmpty() && gone.deleted().size() == objects.size(), gone);
        c.deleteBucket(b -> b.bucket(bucket));
    }
}
