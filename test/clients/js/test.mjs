// Uses the stack at AWS_ENDPOINT_URL as programs with the AWS SDK for JavaScript do. It fails at the first thing that isn't as it
// should be. node test.mjs NAME

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import * as s3 from "@aws-sdk/client-s3";
import * as sqs from "@aws-sdk/client-sqs";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const name = process.argv[2];
const c = new s3.S3Client({ forcePathStyle: true, maxAttempts: 1 });
const Bucket = name;
const send = (Command, input) => c.send(new Command({ Bucket, ...input }));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

async function objects() {
  await send(s3.CreateBucketCommand);
  await s3.waitUntilBucketExists({ client: c, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { Bucket });
  const Key = "dir/a b+ü.txt";
  await send(s3.PutObjectCommand, { Key, Body: "hello", ContentType: "text/plain", Metadata: { colour: "blue" }, Tagging: "k=v" });
  const got = await send(s3.GetObjectCommand, { Key, ChecksumMode: "ENABLED" });
  assert.equal(await got.Body.transformToString(), "hello");
  assert.deepEqual([got.ContentType, got.Metadata, got.TagCount], ["text/plain", { colour: "blue" }, 1]);
  assert.equal(await (await send(s3.GetObjectCommand, { Key, Range: "bytes=1-2" })).Body.transformToString(), "el");
  await send(s3.CopyObjectCommand, { Key: "copy", CopySource: encodeURIComponent(`${Bucket}/${Key}`) });
  const keys = [];
  for await (const page of s3.paginateListObjectsV2({ client: c, pageSize: 1 }, { Bucket })) keys.push(...page.Contents.map((o) => o.Key));
  assert.deepEqual(keys, ["copy", Key]);
  await assert.rejects(send(s3.GetObjectCommand, { Key: "none" }), s3.NoSuchKey);
  await assert.rejects(send(s3.HeadObjectCommand, { Key: "none" }), { name: "NotFound" });
  await assert.rejects(send(s3.PutObjectCommand, { Key, Body: "x", IfNoneMatch: "*" }), { name: "PreconditionFailed" });
}

async function checksums() {
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "SHA1", "SHA256"]) {
    // A stream of known length: the checksum is in the trailer.
    await send(s3.PutObjectCommand, { Key: "sum", Body: Readable.from([Buffer.from("hel"), Buffer.from("lo")]), ContentLength: 5, ChecksumAlgorithm });
    const got = await send(s3.GetObjectCommand, { Key: "sum", ChecksumMode: "ENABLED" });
    assert.equal(await got.Body.transformToString(), "hello");
    assert.ok(got["Checksum" + ChecksumAlgorithm], ChecksumAlgorithm);
  }
}

// A stream of unknown length, in parts.
async function multipart() {
  const body = Buffer.alloc(11 << 20, "0123456789abcdef");
  const progress = [];
  const upload = new Upload({ client: c, params: { Bucket, Key: "large", Body: Readable.from([body.subarray(0, 7 << 20), body.subarray(7 << 20)]) }, queueSize: 3 });
  upload.on("httpUploadProgress", (p) => progress.push(p.loaded));
  await upload.done();
  assert.equal(Math.max(...progress), body.length);
  const got = await send(s3.GetObjectCommand, { Key: "large" });
  assert.equal(sha256(await got.Body.transformToByteArray()), sha256(body));
  const gone = new Upload({ client: c, params: { Bucket, Key: "gone", Body: body } });
  gone.on("httpUploadProgress", () => gone.abort());
  await assert.rejects(gone.done(), { name: "AbortError" });
}

async function request(url, options = {}) {
  const answer = await fetch(url, options);
  const text = await answer.text();
  return [answer.status, text];
}

async function presigned() {
  // The SDK moves all of these into the URL.
  const put = await getSignedUrl(c, new s3.PutObjectCommand({ Bucket, Key: "linked", Metadata: { colour: "blue" }, StorageClass: "STANDARD_IA" }), { expiresIn: 60 });
  assert.match(put, /x-amz-meta-colour=blue/);
  assert.deepEqual(await request(put, { method: "PUT", body: "by link" }), [200, ""]);
  const head = await send(s3.HeadObjectCommand, { Key: "linked" });
  assert.deepEqual([head.Metadata, head.StorageClass], [{ colour: "blue" }, "STANDARD_IA"]);
  const get = await getSignedUrl(c, new s3.GetObjectCommand({ Bucket, Key: "linked", ResponseContentType: "text/x" }), { expiresIn: 60 });
  assert.deepEqual(await request(get), [200, "by link"]);
  const [status, text] = await request(get.replace("linked", "sum"));
  assert.equal(status, 403);
  assert.match(text, /<Code>SignatureDoesNotMatch<\/Code>/);
}

async function form() {
  const post = await createPresignedPost(c, { Bucket, Key: "formed", Conditions: [["content-length-range", 1, 10]], Fields: { success_action_status: "201" } });
  const body = (file) => {
    const form = new FormData();
    for (const [k, v] of Object.entries(post.fields)) form.append(k, v);
    form.append("file", new Blob([file]), "x.txt");
    return { method: "POST", body: form };
  };
  const [status, text] = await request(post.url, body("by form"));
  assert.equal(status, 201, text);
  assert.equal((await request(post.url, body("longer than ten")))[0], 400);
}

async function remove() {
  const Objects = (await send(s3.ListObjectsV2Command)).Contents.map(({ Key }) => ({ Key }));
  const { Deleted, Errors } = await send(s3.DeleteObjectsCommand, { Delete: { Objects } });
  assert.deepEqual([Deleted.length, Errors], [Objects.length, undefined]);
  await send(s3.DeleteBucketCommand);
  await s3.waitUntilBucketNotExists({ client: c, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { Bucket });
}

async function queues() {
  const q = new sqs.SQSClient({ maxAttempts: 1 });
  const { QueueUrl } = await q.send(new sqs.CreateQueueCommand({ QueueName: name + ".fifo", Attributes: { FifoQueue: "true" } }));
  await q.send(new sqs.SendMessageCommand({ QueueUrl, MessageBody: "hello", MessageGroupId: "g", MessageDeduplicationId: "1" }));
  const { Messages } = await q.send(new sqs.ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
  assert.equal(Messages[0].Body, "hello");
  await q.send(new sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  await q.send(new sqs.DeleteQueueCommand({ QueueUrl }));
}

async function tables() {
  const d = new dynamodb.DynamoDBClient({ maxAttempts: 1 });
  const TableName = name;
  await d.send(new dynamodb.CreateTableCommand({
    TableName, BillingMode: "PAY_PER_REQUEST", KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }], AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
  }));
  await dynamodb.waitUntilTableExists({ client: d, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, { TableName });
  const Item = { pk: { S: "ü" }, n: { N: "1.5" }, b: { B: new Uint8Array([0, 255]) }, l: { L: [{ NULL: true }, { M: { a: { BOOL: false } } }] } };
  await d.send(new dynamodb.PutItemCommand({ TableName, Item }));
  const got = await d.send(new dynamodb.GetItemCommand({ TableName, Key: { pk: Item.pk }, ConsistentRead: true }));
  assert.deepEqual(got.Item, Item);
  await assert.rejects(d.send(new dynamodb.PutItemCommand({ TableName, Item, ConditionExpression: "attribute_not_exists(pk)" })), dynamodb.ConditionalCheckFailedException);
  await d.send(new dynamodb.DeleteTableCommand({ TableName }));
}

for (const run of [objects, checksums, multipart, presigned, form, remove, queues, tables]) await run();
