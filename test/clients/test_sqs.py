"""SQS with the AWS CLI and boto3."""

import json
import threading
import urllib.error
import urllib.parse
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

ACCOUNT = "000000000000"


def arn(name, region="us-east-1"):
    return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"


def bodies(received):
    return [m["Body"] for m in received.get("Messages", [])]


@pytest.fixture
def sqs(stack):
    return stack.client("sqs")


@pytest.fixture
def queue(sqs, name):
    return sqs.create_queue(QueueName=name)["QueueUrl"]


@pytest.fixture
def fifo(sqs, name):
    return sqs.create_queue(QueueName=name + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


def test_cli_fifo_cycle(stack, name):
    name += ".fifo"
    url = stack.aws("sqs", "create-queue", "--queue-name", name, "--attributes", "FifoQueue=true")["QueueUrl"]
    assert url == f"{stack.url}/{ACCOUNT}/{name}"
    assert stack.aws("sqs", "get-queue-url", "--queue-name", name)["QueueUrl"] == url
    for body in ("1", "2"):
        sent = stack.aws(
            "sqs", "send-message", "--queue-url", url, "--message-body", body, "--message-group-id", "g", "--message-deduplication-id", body,
            "--message-attributes", '{"kind":{"DataType":"String","StringValue":"x"}}',
        )  # fmt: skip
        assert len(sent["SequenceNumber"]) == 20
    one = stack.aws(
        "sqs", "receive-message", "--queue-url", url, "--attribute-names", "All", "--message-attribute-names", "All", "--visibility-timeout", 600
    )["Messages"][0]
    assert (one["Body"], one["Attributes"]["MessageGroupId"], one["MessageAttributes"]["kind"]["StringValue"]) == ("1", "g", "x")
    assert stack.aws("sqs", "receive-message", "--queue-url", url) is None, "the group is blocked"
    handle = ("--queue-url", url, "--receipt-handle", one["ReceiptHandle"])
    stack.aws("sqs", "change-message-visibility", *handle, "--visibility-timeout", 0)
    again = stack.aws("sqs", "receive-message", "--queue-url", url)["Messages"][0]
    assert again["Body"] == "1"
    assert "receipt handle has expired" in stack.aws_fails("sqs", "delete-message", *handle)
    stack.aws("sqs", "delete-message", "--queue-url", url, "--receipt-handle", again["ReceiptHandle"])
    assert bodies(stack.aws("sqs", "receive-message", "--queue-url", url)) == ["2"]
    stack.aws("sqs", "delete-queue", "--queue-url", url)
    assert "AWS.SimpleQueueService.NonExistentQueue" in stack.aws_fails("sqs", "get-queue-url", "--queue-name", name)


def test_cli_attributes(stack, name):
    url = stack.aws("sqs", "create-queue", "--queue-name", name, "--attributes", "DelaySeconds=3", "--tags", "team=x")["QueueUrl"]
    stack.aws("sqs", "set-queue-attributes", "--queue-url", url, "--attributes", "VisibilityTimeout=7,MaximumMessageSize=1024")
    got = stack.aws("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    wanted = {"DelaySeconds": "3", "VisibilityTimeout": "7", "MaximumMessageSize": "1024", "QueueArn": arn(name), "MessageRetentionPeriod": "345600"}
    assert wanted.items() <= got.items()
    assert stack.aws("sqs", "list-queue-tags", "--queue-url", url)["Tags"] == {"team": "x"}
    said = stack.aws_fails("sqs", "set-queue-attributes", "--queue-url", url, "--attributes", "VisibilityTimeout=43201")
    assert "(InvalidAttributeValue)" in said and "Invalid value for the parameter VisibilityTimeout." in said
    said = stack.aws_fails("sqs", "send-message", "--queue-url", url, "--message-body", "a" * 1025)
    assert "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes." in said


def test_cli_paging(stack, name):
    for i in range(5):
        stack.aws("sqs", "create-queue", "--queue-name", f"{name}-{i}")
    listed = stack.aws("sqs", "list-queues", "--queue-name-prefix", name, "--page-size", 2)
    assert listed["QueueUrls"] == [f"{stack.url}/{ACCOUNT}/{name}-{i}" for i in range(5)]


def test_pages(sqs, name):
    urls = [sqs.create_queue(QueueName=f"{name}-{i}")["QueueUrl"] for i in range(5)]
    pages = list(sqs.get_paginator("list_queues").paginate(QueueNamePrefix=name, PaginationConfig={"PageSize": 2}))
    assert [len(p["QueueUrls"]) for p in pages] == [2, 2, 1]
    assert [u for p in pages for u in p["QueueUrls"]] == urls
    sqs.create_queue(QueueName=name)
    for url in urls:
        policy = {"deadLetterTargetArn": arn(name), "maxReceiveCount": 1}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    pages = list(sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=name, PaginationConfig={"PageSize": 3}))
    assert [u for p in pages for u in p["queueUrls"]] == urls and len(pages) == 2


def test_batches(sqs, queue):
    entries = [{"Id": str(i), "MessageBody": f"m{i}"} for i in range(9)] + [{"Id": "bad", "MessageBody": "\x01"}]
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert len(sent["Successful"]) == 9
    assert [(f["Id"], f["Code"], f["SenderFault"]) for f in sent["Failed"]] == [("bad", "InvalidMessageContents", True)]
    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["Body"] for m in got) == [f"m{i}" for i in range(9)]
    entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)]
    hidden = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[e | {"VisibilityTimeout": 0} for e in entries])
    assert len(hidden["Successful"]) == 9
    deleted = sqs.delete_message_batch(QueueUrl=queue, Entries=[*entries, {"Id": "x", "ReceiptHandle": "junk"}])
    assert len(deleted["Successful"]) == 9 and deleted["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    assert bodies(sqs.receive_message(QueueUrl=queue)) == []
    with pytest.raises(sqs.exceptions.TooManyEntriesInBatchRequest):
        sqs.delete_message_batch(QueueUrl=queue, Entries=[{"Id": str(i), "ReceiptHandle": "x"} for i in range(11)])
    with pytest.raises(sqs.exceptions.BatchEntryIdsNotDistinct):
        sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "a", "MessageBody": "x"}] * 2)


def test_deduplication(sqs, fifo):
    def send(body, group="g"):
        return sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId=group, MessageDeduplicationId="d")

    first, second = send("one"), send("other", "h")  # boto3 checks that the MD5 is of what it sent
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    got = sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10)
    assert bodies(got) == ["one"]
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=got["Messages"][0]["ReceiptHandle"])
    assert send("again")["MessageId"] == first["MessageId"], "a duplicate also after the delete"
    with pytest.raises(sqs.exceptions.ClientError, match="ContentBasedDeduplication enabled or MessageDeduplicationId provided"):
        sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")


def test_attempts(sqs, fifo):
    for i in "123":
        sqs.send_message(QueueUrl=fifo, MessageBody=i, MessageGroupId="g", MessageDeduplicationId=i)
    attempt = {"QueueUrl": fifo, "MaxNumberOfMessages": 2, "ReceiveRequestAttemptId": "a"}
    first = sqs.receive_message(**attempt)["Messages"]
    second = sqs.receive_message(**attempt)["Messages"]
    assert [m["ReceiptHandle"] for m in first] == [m["ReceiptHandle"] for m in second]


def test_dead_letters_and_back(sqs, name):
    dead = sqs.create_queue(QueueName=name + "-dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(name + "-dead"), "maxReceiveCount": 2})
    home = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=home, MessageBody="x")
    for wanted in (["x"], ["x"], []):
        assert bodies(sqs.receive_message(QueueUrl=home)) == wanted
    got = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"], VisibilityTimeout=0)["Messages"][0]
    assert got["Attributes"]["DeadLetterQueueSourceArn"] == arn(name)
    handle = sqs.start_message_move_task(SourceArn=arn(name + "-dead"))["TaskHandle"]
    assert bodies(sqs.receive_message(QueueUrl=home, WaitTimeSeconds=20)) == ["x"]
    task = sqs.list_message_move_tasks(SourceArn=arn(name + "-dead"))["Results"][0]
    assert task["Status"] in ("RUNNING", "COMPLETED") and task["ApproximateNumberOfMessagesMoved"] <= 1
    with pytest.raises(sqs.exceptions.ResourceNotFoundException, match="SourceArn"):
        sqs.start_message_move_task(SourceArn=arn("none"))
    assert handle


def test_long_poll_wakes(sqs, stack, queue):
    got = []
    poll = threading.Thread(target=lambda: got.extend(bodies(stack.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20))))
    poll.start()
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    poll.join(timeout=60)
    assert got == ["x"]


def test_errors_are_typed(sqs, queue):
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as e:
        sqs.get_queue_url(QueueName="none")
    assert e.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    sqs.purge_queue(QueueUrl=queue)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=queue)


def test_regions_are_apart(stack, name):
    home, away = stack.client("sqs"), stack.client("sqs", region="eu-west-1")
    url = away.create_queue(QueueName=name)["QueueUrl"]
    assert away.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] == arn(name, "eu-west-1")
    with pytest.raises(home.exceptions.QueueDoesNotExist):
        home.get_queue_url(QueueName=name)


def presigned(stack, url, secret="test", **params):
    """A query request as a link, which needs no client."""
    r = botocore.awsrequest.AWSRequest("GET", url, params=params)
    key = botocore.credentials.Credentials("test", secret)
    botocore.auth.SigV4QueryAuth(key, "sqs", "us-east-1", expires=60).add_auth(r)
    with urllib.request.urlopen(r.prepare().url) as response:
        return response.read().decode()


def test_presigned_queries(stack, sqs, queue):
    assert "<MessageId>" in presigned(stack, queue, Action="SendMessage", MessageBody="by link")
    assert bodies(sqs.receive_message(QueueUrl=queue)) == ["by link"]
    with pytest.raises(urllib.error.HTTPError) as e:
        presigned(stack, queue, secret="wrong", Action="ReceiveMessage")
    assert e.value.code == 403 and "SignatureDoesNotMatch" in e.value.read().decode()


def test_unsigned_with_no_auth(new_stack):
    """curl is enough: a form, and no signature."""
    s = new_stack("--no-auth")

    def post(path, **form):
        with urllib.request.urlopen(s.url + path, urllib.parse.urlencode(form).encode()) as r:
            return r.read().decode()

    assert f"<QueueUrl>{s.url}/{ACCOUNT}/q</QueueUrl>" in post("/", Action="CreateQueue", QueueName="q")
    post(f"/{ACCOUNT}/q", Action="SendMessage", MessageBody="x")
    assert "<Body>x</Body>" in post(f"/{ACCOUNT}/q", Action="ReceiveMessage")


def test_wrong_key(stack):
    c = boto3.client("sqs", endpoint_url=stack.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="wrong")
    with pytest.raises(c.exceptions.ClientError, match="SignatureDoesNotMatch|InvalidSignature"):
        c.list_queues()


def test_killed(new_stack):
    """What was answered is there after kill -9: messages, what is in flight and its handle, and what was sent lately."""
    s = new_stack()
    sqs = s.client("sqs")
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "600"})["QueueUrl"]
    ids = [
        sqs.send_message(QueueUrl=url, MessageBody=b, MessageGroupId=b[0], MessageDeduplicationId=b)["MessageId"] for b in ("a1", "a2", "b1")
    ]
    held = sqs.receive_message(QueueUrl=url)["Messages"][0]
    s.kill()
    s.start()
    sqs = s.client("sqs")
    assert sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="c", MessageDeduplicationId="a1")["MessageId"] == ids[0]
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["b1"], "a is blocked"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["a2"]
