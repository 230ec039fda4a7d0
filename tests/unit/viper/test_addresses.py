"""Addresses as they are shown, and what keeps a text from being an address, a bucket or a folder."""

import os
from pathlib import Path

import pytest

from viper.addresses import shown_address, web_fault, without_passwords
from viper.environment import check_variables, home, prepare_environment, store_root
from viper.errors import AddressError
from viper.places import bucket_fault, folder_fault
from viper.servers import check_mlflow, check_prefect_address, check_proxies, check_s3_answers, check_store

SECRET = "correct-horse"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("VIPER_", "AWS_", "MLFLOW_", "PREFECT_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VIPER_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"http://bob:{SECRET} x/y@h", "http://***@h"),
        (f"postgresql://bob:{SECRET}'x@h/db", "postgresql://***@h/db"),
        (f"s3://k:<{SECRET}>@b/p", "s3://***@b/p"),
        (f"http://bob:p@{SECRET}?a@h/x", "http://***@h/x"),
        (f"postgresql://h/db?password={SECRET}&user=x", "postgresql://h/db?***"),
        (f"http://h/x#{SECRET}", "http://h/x#***"),
        (f"bob:{SECRET}@h:5000", "***@h:5000"),
        ("/data/a@b/store?", "/data/a@b/store?"),
        ("http://h:5000/x", "http://h:5000/x"),
    ],
)
def test_nothing_secret_of_an_address_is_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown


def test_a_password_with_blanks_is_hidden_in_what_libraries_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"mysql://bob:{SECRET} x@h/db")
    said = f"cannot connect to mysql://bob:{SECRET} x@h/db, nor get /list?X-Amz-Signature={SECRET}&x=1 there"
    assert without_passwords(said) == "cannot connect to mysql://***@h/db, nor get /list?*** there"


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("http://h", ""),
        ("HTTPS://h.example.:65535/x", ""),
        ("http://[::1]:5000", ""),
        ("http://bücher.example", ""),
        ("http://a..b", "host is no name"),
        ("http://.", "host is no name"),
        (f"http://{'a' * 64}.de", "host is no name"),
        ("http://*.de", "host is no name"),
        ("http://", "names no host"),
        ("http:///x", "names no host"),
        ("http://h:0", "no number from 1 to 65535"),
        ("http://h:65536", "no number from 1 to 65535"),
        ("http://h:x", "no number from 1 to 65535"),
        ("http://bob:a/b@h:5000", "written %2F"),
        ("http://a b", "written %2F"),
        ("http://[::1", "cannot be taken apart"),
        ("http://h?x=1", "has a ? or #"),
        ("http+unix://x", "begins with none of http://"),
        ("h:5000", "begins with none of http://"),
    ],
)
def test_what_keeps_an_address_from_being_a_servers(address: str, fault: str) -> None:
    found = web_fault(address)
    assert (fault in found) if fault else not found


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("s3://evolutions/a/b c", ""),
        ("s3://my.bucket-1", ""),
        ("s3://", "names no bucket"),
        ("s3:///x", "names no bucket"),
        ("s3://ab/x", "bucket has no name"),
        ("s3://A_B/x", "bucket has no name"),
        ("s3://a..b/x", "bucket has no name"),
        (f"s3://{'a' * 64}/x", "bucket has no name"),
        ("s3://k:s@bucket/x", "has keys in it"),
        ("s3://bucket/x?versionId=1", "has a ? or #"),
    ],
)
def test_what_keeps_an_address_from_being_a_buckets(address: str, fault: str) -> None:
    found = bucket_fault(address)
    assert (fault in found) if fault else not found


@pytest.mark.parametrize(
    ("folder", "fault"),
    [
        ("{there}", ""),
        ("{there}/new/er", ""),
        ("relative", ""),
        ("~/new", ""),
        ("", "blank"),
        (" ", "blank"),
        ("s3:/b/x", "is an address"),
        ("gs://b/x", "is an address"),
        ("bob:pw@s3/x", "is an address"),
        ("~nobody-of-this-name/x", "no such user"),
        ("{there}/file", "is no folder"),
        ("{there}/file/below", "on the way to it is no folder"),
        ("{there}/loop", "cannot be reached"),
        ("{there}/new/" + "x" * 300, "more than 255 bytes"),
        ("{there}" + "/x" * 3000, "cannot be reached"),
    ],
)
def test_what_keeps_a_text_from_being_a_folder(folder: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    found = folder_fault(folder.format(there=tmp_path))
    assert (fault in found) if fault else not found


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PREFECT_API_KEY", f"{SECRET}\n", "a line end"),
        ("MLFLOW_TRACKING_TOKEN", f"{SECRET}\rx", "a line end"),
        ("MLFLOW_TRACKING_PASSWORD", f"{SECRET}€", "Latin-1"),
        ("AWS_SECRET_ACCESS_KEY", f"{SECRET}\x1b", "not seen"),
        ("MLFLOW_TRACKING_URI", f"http://{SECRET}\udcff", "no UTF-8"),
        ("https_proxy", f"http://{SECRET}\n", "a line end"),
    ],
)
def test_a_variable_with_what_no_server_takes_is_named_and_not_shown(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(AddressError, match=f"^{name} holds .*{said}") as caught:
        check_variables()
    assert SECRET not in str(caught.value)


def test_latin_letters_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "schön")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "日本")
    check_variables()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("HTTP_PROXY", f"http://bob:{SECRET}@"),
        ("https_proxy", "http://h:port"),
        ("ALL_PROXY", "nonsense://h"),
        ("HTTP_PROXY", "a..b:80"),
    ],
)
def test_a_proxy_that_can_be_none_is_named(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, address)
    with pytest.raises(AddressError, match=f"^{name} is .*Expected a proxy") as caught:
        check_proxies()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("address", ["h:3128", "http://bob:pw@h:3128", "socks5h://h", ""])
def test_a_proxy_that_can_be_one_is_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", address)
    check_proxies()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http+unix://x", "Expected http"),
        ("sqlite+nonsense:///x.db", "cannot be taken apart"),
        ("sqlite+aiosqlite:///x.db", "asynchronous|aiosqlite"),
        ("sqlite:///" + "x" * 300, "too long"),
        (f"postgres://bob:{SECRET}@h/db", "Write postgresql://"),
        (f"mysql://bob:{SECRET}@h/db", "pip install mysqlclient"),
        (" ", "Expected http"),
        ("http://h:0", "no number from 1 to 65535"),
        (f"HTTP://h?token={SECRET}", "leave out what begins there"),
    ],
)
def test_an_mlflow_address_of_another_kind_is_refused(address: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(AddressError, match=f"^MLFLOW_TRACKING_URI is .*({said})") as caught:
        check_mlflow()
    assert SECRET not in str(caught.value)


def test_a_prefect_address_that_can_be_none_is_refused_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://[::1")
    with pytest.raises(AddressError, match=r"PREFECT_API_URL is 'http://\[::1'"):
        check_prefect_address()


def test_folders_begin_with_the_users_home_and_an_empty_variable_is_unset(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VIPER_STORE", "~/store")
    monkeypatch.setenv("VIPER_HOME", "~/home")
    assert (store_root(), home()) == (f"{tmp_path}/store", tmp_path / "home")
    check_store()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIPER_STORE", "")
    monkeypatch.setenv("VIPER_HOME", "")
    assert (store_root(), home()) == (f"{tmp_path}/.viper/store", tmp_path / ".viper")
    monkeypatch.setenv("VIPER_HOME", " ")
    with pytest.raises(AddressError, match="VIPER_HOME is ' ', which is blank"):
        prepare_environment()


def test_the_endpoint_that_is_used_is_named_and_asked_for_other_places_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    check_s3_answers("./pool")
    with pytest.raises(AddressError, match=r"AWS_ENDPOINT_URL_S3 is 'http://127\.0\.0\.1:2', and no server"):
        check_s3_answers("./pool", "s3://bucket/suites")
