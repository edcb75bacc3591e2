"""STS, and services that the stack does not have, with the AWS CLI and boto3."""

import pytest
from botocore.exceptions import ClientError


def test_caller_identity(stack):
    assert stack.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    assert stack.aws("sts", "get-caller-identity")["Account"] == "000000000000"


@pytest.mark.parametrize(
    "service, method, operation",
    [
        ("iam", "list_users", "ListUsers"),  # the query protocol
        ("cloudformation", "list_stacks", "ListStacks"),
        ("ec2", "describe_instances", "DescribeInstances"),  # its variant of that
        ("logs", "describe_log_groups", "DescribeLogGroups"),  # JSON
        ("cloudwatch", "list_metrics", "ListMetrics"),  # CBOR
        ("route53", "list_hosted_zones", "GET /2013-04-01/hostedzone"),  # REST XML
    ],
)
def test_missing_services(stack, service, method, operation):
    with pytest.raises(ClientError) as failed:
        getattr(stack.client(service), method)()
    error = failed.value.response["Error"]
    assert error["Code"] == "UnsupportedOperationException"
    assert error["Message"].endswith(f"is not supported: {operation}")
