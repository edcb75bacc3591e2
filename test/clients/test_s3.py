"""S3 with the AWS CLI and boto3."""

import hashlib
import os
import urllib.error
import urllib.request

import boto3.s3.transfer
import botocore.exceptions
import pytest

# 1 GB is what `ERRAND_CLIENTS_S3_BYTES=1000000000 make test-clients` uploads.
SIZE = int(os.environ.get("ERRAND_CLIENTS_S3_BYTES", 64 << 20))


@pytest.fixture
def s3(stack):
    return stack.client("s3")


@pytest.fixture(params=[None, "s3v4"], ids=["default", "s3v4"])
def presigner(stack, request):
    """In us-east-1, boto3 presigns with Signature Version 2 by default."""
    return stack.client("s3", signature_version=request.param)


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def large(tmp_path):
    """A file of SIZE bytes that repeat in no part."""
    path = tmp_path / "large"
    with open(path, "wb") as f:
        for n in range(0, SIZE, 1 << 20):
            block = hashlib.sha256(str(n).encode()).digest() * (1 << 15)
            f.write(block[: min(1 << 20, SIZE - n)])
    return path


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def send(method, url, body=None, headers=None):
    """The status and the body of an answer, whichever it is."""
    r = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(r) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def test_objects(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a/b ü.txt", Body=b"hello", Metadata={"colour": "blue"}, Tagging="k=v")
    got = s3.get_object(Bucket=bucket, Key="a/b ü.txt")
    assert got["Body"].read() == b"hello" and got["Metadata"] == {"colour": "blue"} and got["TagCount"] == 1
    assert s3.get_object(Bucket=bucket, Key="a/b ü.txt", Range="bytes=1-2")["Body"].read() == b"el"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a/b ü.txt"})
    assert s3.head_object(Bucket=bucket, Key="copy")["ETag"] == got["ETag"]
    with pytest.raises(botocore.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="copy", Body=b"x", IfNoneMatch="*")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": "a/b ü.txt"}]})
    s3.delete_bucket(Bucket=bucket)


def test_pages(s3, bucket):
    keys = [f"dir{n % 3}/{n:03}" for n in range(25)]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4}))
    assert len(pages) == 7
    assert [o["Key"] for p in pages for o in p["Contents"]] == sorted(keys)
    folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]
    assert [p["Prefix"] for p in folders] == ["dir0/", "dir1/", "dir2/"]


@pytest.mark.parametrize("checksum", ["CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"])
def test_checksums(s3, bucket, checksum):
    if checksum in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt", reason="boto3 computes this one with awscrt alone")
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm=checksum)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello" and got["Checksum" + checksum] == put["Checksum" + checksum]


def test_multipart(s3, bucket, large, tmp_path):
    """What boto3's transfers do with a large file: parts, at once, both ways."""
    config = boto3.s3.transfer.TransferConfig(multipart_chunksize=8 << 20, max_concurrency=4)
    s3.upload_file(str(large), bucket, "large", Config=config)
    head = s3.head_object(Bucket=bucket, Key="large")
    parts = -(-SIZE // (8 << 20))
    assert head["ContentLength"] == SIZE and head["ETag"].endswith(f'-{parts}"')
    s3.download_file(bucket, "large", str(tmp_path / "got"), Config=config)
    assert digest(tmp_path / "got") == digest(large)
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_cli_sync(stack, bucket, large, tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "one").write_text("1")
    (tree / "sub" / "two").write_text("2")
    large.rename(tree / "large")
    stack.run_aws(["s3", "sync", tree, f"s3://{bucket}/t"]).check_returncode()
    (tree / "one").unlink()
    stack.run_aws(["s3", "sync", "--delete", tree, f"s3://{bucket}/t"]).check_returncode()
    stack.run_aws(["s3", "sync", f"s3://{bucket}/t", tmp_path / "back"]).check_returncode()
    assert sorted(p.name for p in (tmp_path / "back").rglob("*") if p.is_file()) == ["large", "two"]
    assert digest(tmp_path / "back" / "large") == digest(tree / "large")
    stack.run_aws(["s3", "rb", "--force", f"s3://{bucket}"]).check_returncode()
    assert "NoSuchBucket" in stack.aws_fails("s3api", "list-objects-v2", "--bucket", bucket)


def test_cli_api(stack, bucket, tmp_path):
    (tmp_path / "f").write_text("hello")
    put = stack.aws("s3api", "put-object", "--bucket", bucket, "--key", "k", "--body", tmp_path / "f")
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    got = stack.aws("s3api", "get-object", "--bucket", bucket, "--key", "k", tmp_path / "g")
    assert got["ContentLength"] == 5 and (tmp_path / "g").read_text() == "hello"
    assert "404" in stack.aws_fails("s3api", "head-object", "--bucket", bucket, "--key", "none")
    assert "NotImplemented" in stack.aws_fails(
        "s3api", "put-bucket-versioning", "--bucket", bucket, "--versioning-configuration", "Status=Enabled")


def test_presigned(presigner, bucket):
    s3 = presigner
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k", "ContentType": "text/plain"})
    assert send("PUT", put, b"hello", {"Content-Type": "text/plain"})[0] == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", "ResponseContentDisposition": "attachment"})
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"hello" and answer.headers["Content-Disposition"] == "attachment"
    status, body = send("GET", get.replace("/k?", "/other?"))
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body
    assert send("PUT", put, b"hello", {"Content-Type": "text/html"})[0] == 403
    assert send("HEAD", s3.generate_presigned_url("head_object", {"Bucket": bucket, "Key": "k"}))[0] == 200
    status, body = send("GET", s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=0))
    assert status == 403 and b"<Message>Request has expired</Message>" in body
    assert send("DELETE", s3.generate_presigned_url("delete_object", {"Bucket": bucket, "Key": "k"}))[0] == 204


def test_presigned_headers(presigner, bucket):
    """Version 2 has the headers in the URL, Version 4 wants them sent."""
    put = presigner.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k", "Metadata": {"colour": "blue"}, "StorageClass": "STANDARD_IA"})
    sent = {} if "AWSAccessKeyId=" in put else {"x-amz-meta-colour": "blue", "x-amz-storage-class": "STANDARD_IA"}
    assert send("PUT", put, b"hello", {"Content-Type": "", **sent})[0] == 200
    head = presigner.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"colour": "blue"} and head["StorageClass"] == "STANDARD_IA"


def test_presigned_part(presigner, bucket):
    upload = presigner.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    put = presigner.generate_presigned_url("upload_part", {"Bucket": bucket, "Key": "k", "UploadId": upload, "PartNumber": 1})
    assert send("PUT", put, b"hello", {"Content-Type": ""})[0] == 200
    (part,) = presigner.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    presigner.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})


def test_cli_presign(stack, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b.txt", Body=b"hello")
    url = stack.run_aws(["s3", "presign", f"s3://{bucket}/a b.txt"]).stdout.strip()
    assert send("GET", url) == (200, b"hello")


def form(fields, file):
    """A form, as a browser encodes it."""
    lines = b"".join(f'--B\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items())
    return lines + b'--B\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n' + file + b"\r\n--B--\r\n"


def test_presigned_post(presigner, bucket):
    s3 = presigner
    post = s3.generate_presigned_post(
        bucket, "in/${filename}", {"success_action_status": "201"},
        [["starts-with", "$key", "in/"], ["content-length-range", 1, 10], {"success_action_status": "201"}])
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    status, body = send("POST", post["url"], form(post["fields"], b"hello"), headers)
    assert status == 201 and b"<Key>in/x.txt</Key>" in body
    assert s3.get_object(Bucket=bucket, Key="in/x.txt")["Body"].read() == b"hello"
    status, body = send("POST", post["url"], form(post["fields"], b"hello world"), headers)
    assert status == 400 and b"EntityTooLarge" in body
    other = dict(post["fields"], key="out/x")
    assert send("POST", post["url"], form(other, b"hello"), headers)[0] == 403


def test_survives_kill(new_stack, large):
    stack = new_stack()
    stack.client("s3").create_bucket(Bucket="kept")
    stack.client("s3").upload_file(str(large), "kept", "large")
    stack.kill()
    stack.start()
    got = hashlib.file_digest(stack.client("s3").get_object(Bucket="kept", Key="large")["Body"], "sha256").hexdigest()
    assert got == digest(large)
