"""DVC remotes: what docs/sharing.md promises, with a folder, and with an S3 server on this machine."""

import os
import re
import shlex
import shutil
import socket
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import onnxruntime
import pytest
from ruamel.yaml import YAML

from boundary.config.load import load_params
from tests.support.repository import ENVIRONMENT, ROOT, run

DOC = (ROOT / "docs/sharing.md").read_text()
MODEL = "models/circle_v2.safetensors"


def commands(heading: str) -> list[str]:
    """The lines after prompts below a heading of docs/sharing.md."""
    section = DOC[DOC.index(f"## {heading}\n") :].partition("\n## ")[0]
    return re.findall(r"^\$ (.+)$", section, flags=re.MULTILINE)


def share(workspace: Path, address: str, **options: str) -> None:
    """Commit the results, and set up the remote as the document says."""
    run(workspace, "git", "commit", "-qam", "results", "--allow-empty")
    for command in commands("Once"):
        run(workspace, *shlex.split(command.replace("/mnt/team/boundary", address)))
        if command.startswith("dvc remote add"):
            for name, value in options.items():
                run(workspace, "dvc", "remote", "modify", "shared", name, value)
    assert run(workspace, "git", "status", "--porcelain").stdout == ""


def clone(workspace: Path, folder: Path) -> Path:
    run(workspace, "git", "clone", "-q", str(workspace), str(folder))
    return folder


def everything_arrives(workspace: Path, folder: Path) -> None:
    push, pull, repro = commands("Every day")
    assert re.search(r"^\d+ files pushed", run(workspace, *shlex.split(push)).stdout, flags=re.MULTILINE)
    second = clone(workspace, folder)
    assert re.search(r"\d+ files fetched and \d+ files added", run(second, *shlex.split(pull)).stdout)
    output = run(second, *shlex.split(repro)).stdout
    assert "Running stage" not in output
    assert output.endswith("Data and pipelines are up to date.\n")
    assert run(second, "git", "status", "--porcelain").stdout == ""
    assert (second / MODEL).read_bytes() == (workspace / MODEL).read_bytes()


def refused(folder: Path, *command: str) -> str:
    """What a command says that fails, as a user should see it."""
    done = run(folder, *command, check=False)
    assert done.returncode not in (0, 2), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert run(folder, "git", "status", "--porcelain").stdout == ""
    return done.stderr


def object_of(workspace: Path, path: str) -> str:
    """Where a remote keeps a file that a stage has made."""
    lock = YAML(typ="safe").load(workspace / "dvc.lock")
    outs = [out for stage in lock["stages"].values() for out in stage.get("outs", [])]
    (md5,) = {out["md5"] for out in outs if out["path"] == path}
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def test_a_folder_shares_all_and_its_faults_are_told(workspace: Path, tmp_path: Path) -> None:
    share(workspace, str(tmp_path / "remote"))
    everything_arrives(workspace, tmp_path / "second")
    third = clone(workspace, tmp_path / "third")

    (tmp_path / "remote").rename(tmp_path / "away")
    assert MODEL in refused(third, "dvc", "pull", MODEL)
    (tmp_path / "away").rename(tmp_path / "remote")

    kept = tmp_path / "remote" / object_of(workspace, MODEL)
    kept.chmod(stat.S_IRUSR | stat.S_IWUSR)
    content = kept.read_bytes()
    kept.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert MODEL in refused(third, "dvc", "pull", MODEL)
    assert not (third / MODEL).exists()
    run(workspace, "dvc", "push", MODEL)  # the damaged object is gone: a good one takes its place
    run(third, "dvc", "pull", MODEL)
    assert (third / MODEL).read_bytes() == content

    (tmp_path / "remote").chmod(0)
    if os.getuid():  # root may read everything
        fourth = clone(workspace, tmp_path / "fourth")
        assert MODEL in refused(fourth, "dvc", "pull", MODEL)
    (tmp_path / "remote").chmod(0o755)


def test_models_are_fetched_by_name_and_version(workspace: Path, tmp_path: Path) -> None:
    """Without a clone; and what arrives is a model that answers."""
    run(workspace, "git", "commit", "-qam", "results", "--allow-empty")
    register, show, _, get = commands("Models by name and version")
    run(workspace, *shlex.split(register))
    assert re.search(r"circle_v2 +│ v0\.0\.1", run(workspace, *shlex.split(show)).stdout)
    run(tmp_path, *shlex.split(get.replace("https://example.com/you/boundary", str(workspace))))
    assert (tmp_path / "circle_v2.onnx").read_bytes() == (workspace / "exports/circle_v2.onnx").read_bytes()
    session = onnxruntime.InferenceSession(tmp_path / "circle_v2.onnx")
    assert [i.name for i in session.get_inputs()] == ["X1", "X2"]


def test_every_default_variant_is_an_artifact() -> None:
    """dvc.yaml has no loop for them."""
    artifacts = YAML(typ="safe").load(ROOT / "dvc.yaml")["artifacts"]
    variants = load_params(ROOT / "params.yaml").variants
    assert artifacts == {name: {"path": f"exports/{name}.onnx", "type": "model"} for name in variants}


# --- S3 ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an S3 server with a bucket of the name `bucket`."""
    import boto3
    from moto.server import ThreadedMotoServer

    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setitem(ENVIRONMENT, name, value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        address = f"http://127.0.0.1:{port}"
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="bucket")
        yield address
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the server's libraries
def test_s3_shares_all_and_its_faults_are_told(workspace: Path, tmp_path: Path, s3: str) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=s3)
    share(workspace, "s3://bucket/boundary", endpointurl=s3)
    everything_arrives(workspace, tmp_path / "second")

    third = clone(workspace, tmp_path / "third")
    place = {"Bucket": "bucket", "Key": f"boundary/{object_of(workspace, MODEL)}"}
    content = client.get_object(**place)["Body"].read()
    assert content == (workspace / MODEL).read_bytes()
    client.put_object(**place, Body=content[:-1] + bytes([content[-1] ^ 1]))
    assert MODEL in refused(third, "dvc", "pull", MODEL)
    assert not (third / MODEL).exists()
    client.delete_object(**place)
    run(workspace, "dvc", "push", MODEL)
    run(third, "dvc", "pull", MODEL)
    assert (third / MODEL).read_bytes() == content

    headers = {"Content-Type": "text/plain"}
    ask = urllib.request.Request(f"{s3}/moto-api/reset-auth", data=b"0", headers=headers, method="POST")
    urllib.request.urlopen(ask).close()  # from now on, who is not known is denied
    shutil.rmtree(third / ".dvc/cache")
    (third / MODEL).unlink()
    told = refused(third, "dvc", "pull", MODEL)
    assert re.search("Forbidden|denied|AccessKeyId|does not exist in our records", told), told
    assert re.search("Forbidden|denied|AccessKeyId|does not exist in our records", refused(workspace, "dvc", "push"))


@pytest.mark.slow
def test_an_s3_server_that_is_away_is_told(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setitem(ENVIRONMENT, name, "any")
    share(workspace, "s3://bucket/boundary", endpointurl="http://127.0.0.1:9")  # where nothing listens
    third = clone(workspace, tmp_path / "third")
    assert "failed to connect to s3" in refused(third, "dvc", "pull", MODEL)
