"""DynamoDB with the AWS CLI and boto3."""

import json
from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

TABLE = dict(
    KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in (("pk", "S"), ("sk", "N"), ("kind", "S"))],
    GlobalSecondaryIndexes=[
        {"IndexName": "byKind", "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}], "Projection": {"ProjectionType": "KEYS_ONLY"}},
    ],
    BillingMode="PAY_PER_REQUEST",
)


@pytest.fixture
def dynamodb(stack):
    return stack.client("dynamodb")


@pytest.fixture
def table(stack, name):
    """A table as boto3's resources have it, where Python's values are the items'."""
    resource = boto3.resource("dynamodb", endpoint_url=stack.url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    t = resource.create_table(TableName=name, **TABLE)
    t.wait_until_exists()
    return t


def code(raised):
    return raised.value.response["Error"]["Code"]


def test_cli_crud(stack, name):
    on = ("--table-name", name)
    made = stack.aws(
        "dynamodb", "create-table", *on, "--key-schema", "AttributeName=id,KeyType=HASH", "--attribute-definitions", "AttributeName=id,AttributeType=S",
        "--billing-mode", "PAY_PER_REQUEST", "--tags", "Key=team,Value=a",
    )["TableDescription"]  # fmt: skip
    assert made["TableStatus"] == "CREATING"
    stack.aws("dynamodb", "wait", "table-exists", *on)
    assert name in stack.aws("dynamodb", "list-tables")["TableNames"]
    key = ("--key", '{"id":{"S":"a"}}')
    stack.aws("dynamodb", "put-item", *on, "--item", '{"id":{"S":"a"},"n":{"N":"1.50"},"tags":{"SS":["x","y"]}}')
    new = stack.aws(
        "dynamodb", "update-item", *on, *key, "--update-expression", "SET n = n + :one REMOVE tags", "--expression-attribute-values", '{":one":{"N":"1"}}',
        "--return-values", "ALL_NEW", "--return-consumed-capacity", "TOTAL",
    )  # fmt: skip
    assert new["Attributes"] == {"id": {"S": "a"}, "n": {"N": "2.5"}}
    assert new["ConsumedCapacity"]["CapacityUnits"] == 1
    assert stack.aws("dynamodb", "get-item", *on, *key, "--consistent-read")["Item"]["n"] == {"N": "2.5"}
    refused = stack.aws_fails("dynamodb", "delete-item", *on, *key, "--condition-expression", "attribute_not_exists(id)")
    assert "ConditionalCheckFailedException" in refused
    old = stack.aws("dynamodb", "delete-item", *on, *key, "--return-values", "ALL_OLD")
    assert old["Attributes"]["n"] == {"N": "2.5"}
    assert stack.aws("dynamodb", "get-item", *on, *key) is None
    assert stack.aws("dynamodb", "list-tags-of-resource", "--resource-arn", made["TableArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    stack.aws("dynamodb", "delete-table", *on)
    stack.aws("dynamodb", "wait", "table-not-exists", *on)


def test_cli_pages(stack, table, name):
    """The CLI follows LastEvaluatedKey by itself, and gives its own token where it is told to stop."""
    with table.batch_writer() as batch:
        for i in range(60):
            batch.put_item(Item={"pk": "p", "sk": i, "text": "x" * 1000})
    query = ("dynamodb", "query", "--table-name", name, "--key-condition-expression", "pk = :p", "--expression-attribute-values", '{":p":{"S":"p"}}')
    assert stack.aws(*query, "--page-size", 7)["Count"] == 60
    first = stack.aws(*query, "--max-items", 25)
    rest = stack.aws(*query, "--starting-token", first["NextToken"])
    sks = [int(i["sk"]["N"]) for i in first["Items"] + rest["Items"]]
    assert sks == list(range(60))


def test_cli_refuses_by_name(stack):
    assert "PartiQL is not supported here: ExecuteStatement" in stack.aws_fails("dynamodb", "execute-statement", "--statement", "SELECT * FROM x")
    assert "backups are not supported here: ListBackups" in stack.aws_fails("dynamodb", "list-backups")


def test_values(table):
    """Every type comes back as it went."""
    item = {
        "pk": "é\U0001f600", "sk": Decimal("-1.5"), "kind": "k", "n": Decimal("12345678901234567890123456789012345678"), "b": Binary(b"\x00\xff"),
        "t": True, "z": None, "l": [1, "two", [None]], "m": {"k": {"deep": Decimal("1E-130")}}, "ss": {"a", "b"}, "ns": {Decimal(1), Decimal("2.5")}, "bs": {Binary(b"x")},
        "e": "",
    }  # fmt: skip
    table.put_item(Item=item)
    assert table.get_item(Key={"pk": item["pk"], "sk": item["sk"]})["Item"] == item


def test_query_and_scan(table):
    with table.batch_writer() as batch:
        for i in range(30):
            batch.put_item(Item={"pk": "a" if i % 2 else "b", "sk": Decimal(i) / 4, **({"kind": "third"} if i % 3 == 0 else {})})
    low = table.query(KeyConditionExpression=Key("pk").eq("a") & Key("sk").between(1, 3), ScanIndexForward=False)
    assert [float(i["sk"]) for i in low["Items"]] == [2.75, 2.25, 1.75, 1.25]
    found = table.query(IndexName="byKind", KeyConditionExpression=Key("kind").eq("third"))
    assert found["Count"] == 10 and all(set(i) == {"pk", "sk", "kind"} for i in found["Items"])
    filtered = table.scan(FilterExpression=Attr("kind").not_exists() & Attr("sk").gt(5), Limit=30)
    assert (filtered["Count"], filtered["ScannedCount"]) == (6, 30)
    segments = [table.scan(Segment=s, TotalSegments=4)["Items"] for s in range(4)]
    assert sorted((i["pk"], i["sk"]) for s in segments for i in s) == sorted((i["pk"], i["sk"]) for i in table.scan()["Items"])


def test_paginators(dynamodb, table, name):
    with table.batch_writer() as batch:
        for i in range(12):
            batch.put_item(Item={"pk": "p", "sk": i, "text": "x" * 200_000})
    pages = list(dynamodb.get_paginator("scan").paginate(TableName=name))
    assert len(pages) > 1 and sum(p["Count"] for p in pages) == 12  # 2.4 MB, of at most 1 MB each
    keys = [{"pk": {"S": "p"}, "sk": {"N": str(i)}} for i in range(12)]
    got, asked = 0, {name: {"Keys": keys}}
    while asked:
        out = dynamodb.batch_get_item(RequestItems=asked)
        got, asked = got + len(out["Responses"][name]), out["UnprocessedKeys"]
    assert got == 12


def test_transactions(dynamodb, table, name):
    def put(sk, text, **condition):
        return {"Put": {"TableName": name, "Item": {"pk": {"S": "p"}, "sk": {"N": str(sk)}, "text": {"S": text}}, **condition}}

    new = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    for _ in range(2):  # the second does nothing
        dynamodb.transact_write_items(TransactItems=[put(1, "a", **new), put(2, "b", **new)], ClientRequestToken=name)
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        dynamodb.transact_write_items(TransactItems=[put(3, "c")], ClientRequestToken=name)
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as cancelled:
        dynamodb.transact_write_items(TransactItems=[put(3, "c", **new), put(1, "other", **new)])
    reasons = cancelled.value.response["CancellationReasons"]
    assert [r["Code"] for r in reasons] == ["None", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["text"] == {"S": "a"}
    keys = [{"Get": {"TableName": name, "Key": {"pk": {"S": "p"}, "sk": {"N": str(i)}}}} for i in (1, 2, 3)]
    got = dynamodb.transact_get_items(TransactItems=keys)["Responses"]
    assert [r.get("Item", {}).get("text") for r in got] == [{"S": "a"}, {"S": "b"}, None]


def test_errors(dynamodb, table, name):
    table.put_item(Item={"pk": "p", "sk": 1, "v": "old"})
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as failed:
        dynamodb.put_item(
            TableName=name, Item={"pk": {"S": "p"}, "sk": {"N": "1"}}, ConditionExpression="v = :v", ExpressionAttributeValues={":v": {"S": "x"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )  # fmt: skip
    assert failed.value.response["Item"]["v"] == {"S": "old"}
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.get_item(TableName="t-none", Key={"pk": {"S": "p"}})
    with pytest.raises(ClientError) as invalid:
        table.update_item(Key={"pk": "p", "sk": 1}, UpdateExpression="SET size = :v", ExpressionAttributeValues={":v": 1})
    assert code(invalid) == "ValidationException" and "reserved keyword: size" in str(invalid.value)
    with pytest.raises(ClientError) as large:
        table.put_item(Item={"pk": "p", "sk": 2, "v": "x" * 410_000})
    assert "Item size has exceeded the maximum allowed size" in str(large.value)


def test_update_table(dynamodb, table, name):
    """An index that is made later has what was there before."""
    table.put_item(Item={"pk": "p", "sk": 1, "colour": "red"})
    dynamodb.update_table(
        TableName=name, AttributeDefinitions=[{"AttributeName": "colour", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[{"Create": {
            "IndexName": "byColour", "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"},
        }}],
    )  # fmt: skip
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    assert table.query(IndexName="byColour", KeyConditionExpression=Key("colour").eq("red"))["Count"] == 1
    dynamodb.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "byColour"}}])
    assert [i["IndexName"] for i in dynamodb.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"]] == ["byKind"]


def test_time_to_live(stack, dynamodb, table, name):
    stack.aws("dynamodb", "update-time-to-live", "--table-name", name, "--time-to-live-specification", "Enabled=true,AttributeName=end")
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "end"}


def test_power_cut(new_stack, name):
    """What was answered is there after the process was killed."""
    s = new_stack()
    c = s.client("dynamodb")
    c.create_table(TableName=name, **TABLE)
    for i in range(20):
        c.put_item(TableName=name, Item={"pk": {"S": "p"}, "sk": {"N": str(i)}, "kind": {"S": "k"}})
    s.kill()
    s.start()
    c = s.client("dynamodb")
    assert c.scan(TableName=name)["Count"] == 20
    assert c.query(TableName=name, IndexName="byKind", KeyConditionExpression="kind = :k", ExpressionAttributeValues={":k": {"S": "k"}})["Count"] == 20
    assert json.dumps(c.describe_table(TableName=name)["Table"]["KeySchema"]) == json.dumps(TABLE["KeySchema"])


def test_compressed_requests(stack, name):
    """The SDK has this only for services that declare it, so the test declares it."""
    client = stack.client("dynamodb", request_min_compression_size_bytes=1)
    for operation in client.meta.service_model._service_description["operations"].values():
        operation["requestcompression"] = {"encodings": ["gzip"]}
    client.create_table(TableName=name, **TABLE)
    client.put_item(TableName=name, Item={"pk": {"S": "p"}, "sk": {"N": "1"}, "text": {"S": "x" * 50_000}})
    got = stack.client("dynamodb").get_item(TableName=name, Key={"pk": {"S": "p"}, "sk": {"N": "1"}})
    assert len(got["Item"]["text"]["S"]) == 50_000
