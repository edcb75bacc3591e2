"""What people use with `errand stack`: the AWS CLI, boto3 and other clients, as they are.

`make test-clients` installs them and runs this. One file per service; each test makes what it needs under a name of its
own, since all share one stack."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import uuid

import boto3
import pytest
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
ERRAND = os.environ.get("ERRAND", ROOT / "bin" / "errand")
AWS = pathlib.Path(sys.executable).with_name("aws")


class Stack:
    """A running `errand stack`, and clients of it."""

    def __init__(self, data, *flags):
        self.data, self.flags = data, flags
        self.start()

    def start(self):
        command = [ERRAND, "stack", "--addr", "127.0.0.1:0", "--data", self.data, *self.flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the first line isn't the stack's URL"

    def stop(self):
        """End it as a service manager does: it must go by itself, with 0."""
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0

    def kill(self):
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)

    def environment(self, region="us-east-1"):
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.data),  # no settings of the user's
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def client(self, service, region="us-east-1", **settings):
        """A boto3 client. Retries are off, so that nothing is covered up."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, **settings),
        )

    def run_aws(self, args, region="us-east-1"):
        # Version 1, the one that can be pinned, overrides AWS_ENDPOINT_URL for SQS (overridesslcommonname.py in it).
        command = [AWS, *map(str, args), "--endpoint-url", self.url, "--output", "json"]
        return subprocess.run(command, env=self.environment(region), capture_output=True, text=True)

    def aws(self, *args, region="us-east-1"):
        """What an AWS CLI command prints, parsed; None if nothing."""
        r = self.run_aws(args, region)
        assert r.returncode == 0, r.stderr
        return json.loads(r.stdout) if r.stdout.strip() else None

    def aws_fails(self, *args):
        """What a command that must fail says."""
        r = self.run_aws(args)
        assert r.returncode != 0, r.stdout
        return r.stderr


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """The stack that all tests share."""
    s = Stack(tmp_path_factory.mktemp("stack"))
    yield s
    s.stop()


@pytest.fixture
def new_stack(tmp_path):
    """Starts a stack that a test may stop, kill and start again."""
    stacks = []

    def start(*flags):
        stacks.append(Stack(tmp_path / str(len(stacks)), *flags))
        return stacks[-1]

    yield start
    for s in stacks:
        if s.process.poll() is None:
            s.stop()


@pytest.fixture
def name():
    """A name that no other test has."""
    return "t-" + uuid.uuid4().hex[:12]
