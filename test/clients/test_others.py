"""S3 with clients other than AWS's for Python: a program each, which fails at the first thing that isn't as it should be."""

import filecmp
import os
import pathlib
import random
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE = 12 << 20  # more than a part


def unavailable(why):
    if os.environ.get("ERRAND_REQUIRE_CLIENTS"):
        pytest.fail(why)
    pytest.skip(why)


def program(name):
    path = shutil.which(name)
    return path or unavailable(f"{name} is not installed")


def installed(client):
    """What scripts/tool installs from the client's registry."""
    r = subprocess.run([ROOT / "scripts" / "tool", client], capture_output=True, text=True)
    if r.returncode != 0:
        unavailable(f"{client} could not be installed: {(r.stderr.strip() or 'no reason given').splitlines()[-1]}")
    return r.stdout.strip()


@pytest.fixture
def run(stack, tmp_path):
    """Runs a program with the stack's address and key, and returns what it prints."""

    def run(*command, **env):
        r = subprocess.run([str(c) for c in command], env={**stack.environment(), **env}, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert r.returncode == 0, f"{command}: {r.stdout}\n{r.stderr}"
        return r.stdout

    return run


@pytest.fixture
def tree(tmp_path):
    """A folder with a large file, and names that need escaping."""
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "one").write_text("1")
    (root / "sub" / "two ü+&.txt").write_text("2")
    (root / "large").write_bytes(random.Random(1).randbytes(SIZE))
    return root


def same(a, b):
    """Whether two folders have the same files with the same bytes."""
    files = lambda root: sorted(str(p.relative_to(root)) for p in pathlib.Path(root).rglob("*") if p.is_file())
    return files(a) == files(b) and not any(filecmp.cmpfiles(a, b, files(a), shallow=False)[1:])


def test_minio_go(run, name):
    program(os.environ.get("GO", "go"))
    run(installed("minio-go"), name)


def test_javascript(run, name):
    node, _ = program("node"), program("npm")
    run(node, installed("javascript"), name)


def test_java(run, name, tmp_path):
    """With the TransferManager over the CRT client and over Netty."""
    if not (shutil.which("java") and shutil.which("mvn")):
        pytest.skip("Java or Maven is not installed")
    run("java", "-cp", installed("java") + "/*", ROOT / "test" / "clients" / "java" / "S3.java", name, tmp_path)


def test_rclone(run, name, tree, tmp_path, stack):
    rclone = program("rclone")
    env = {
        "RCLONE_CONFIG": os.devnull, "RCLONE_CONFIG_E_TYPE": "s3", "RCLONE_CONFIG_E_PROVIDER": "Other", "RCLONE_CONFIG_E_ENV_AUTH": "true",
        "RCLONE_CONFIG_E_ENDPOINT": stack.url, "RCLONE_S3_UPLOAD_CUTOFF": "5M", "RCLONE_S3_CHUNK_SIZE": "5M", "RCLONE_RETRIES": "1",
    }  # fmt: skip
    to = f"e:{name}/t"
    run(rclone, "mkdir", f"e:{name}", **env)
    run(rclone, "sync", tree, to, **env)
    run(rclone, "check", "--download", tree, to, **env)
    (tree / "one").unlink()
    (tree / "three").write_text("3")
    run(rclone, "sync", tree, to, **env)
    run(rclone, "check", tree, to, **env)
    run(rclone, "copy", to, tmp_path / "back", **env)
    assert same(tree, tmp_path / "back")
    run(rclone, "moveto", to + "/three", to + "/moved", **env)
    assert run(rclone, "cat", to + "/moved", **env) == "3"
    run(rclone, "purge", f"e:{name}", **env)


def test_restic(run, name, tree, tmp_path, stack):
    restic = program("restic")
    env = {"RESTIC_REPOSITORY": f"s3:{stack.url}/{name}", "RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": str(tmp_path / "cache")}
    run(restic, "init", **env)
    run(restic, "backup", "tree", **env)
    (tree / "one").write_text("changed")
    run(restic, "backup", "tree", **env)
    run(restic, "forget", "--keep-last", "1", "--prune", **env)
    run(restic, "check", "--read-data", **env)
    run(restic, "restore", "latest", "--target", "back", **env)
    assert same(tree, tmp_path / "back" / "tree")


@pytest.mark.parametrize("signature", [(), ("--signature-v2",)], ids=["v4", "v2"])
def test_s3cmd(run, name, tree, tmp_path, stack, signature):
    host = stack.url.removeprefix("http://")
    s3cmd = (
        sys.executable, pathlib.Path(sys.executable).with_name("s3cmd"), "-c", os.devnull, "--access_key", "test", "--secret_key", "test", "--no-ssl",
        "--host", host, "--host-bucket", host, *signature,
    )  # fmt: skip
    run(*s3cmd, "mb", f"s3://{name}")
    run(*s3cmd, "sync", "--multipart-chunk-size-mb=5", f"{tree}/", f"s3://{name}/t/")
    run(*s3cmd, "sync", f"s3://{name}/t/", f"{tmp_path}/back/")
    assert same(tree, tmp_path / "back")
    run(*s3cmd, "cp", f"s3://{name}/t/one", f"s3://{name}/copy")
    link = run(*s3cmd, "signurl", f"s3://{name}/copy", "+60").strip()
    assert "AWSAccessKeyId=" in link
    assert run(sys.executable, "-c", "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())", link).strip() == "1"
    run(*s3cmd, "rb", "--recursive", "--force", f"s3://{name}")
