"""Keys of the services are drawn once, and nobody but their owner may read them."""

from pathlib import Path

import pytest

from commands.credentials import read_keys
from viper.errors import ServiceFailed


def test_keys_are_drawn_once_and_new_ones_where_their_file_is_gone(tmp_path: Path) -> None:
    drawn = read_keys(tmp_path)
    assert read_keys(tmp_path) == drawn
    (tmp_path / "keys.json").unlink()
    again = read_keys(tmp_path)
    assert again.keys() == drawn.keys()
    assert again["PASSWORD"] != drawn["PASSWORD"]


@pytest.mark.parametrize(("mode", "taken"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)])
def test_a_file_that_others_can_read_is_refused_with_what_to_do(tmp_path: Path, mode: int, taken: bool) -> None:
    drawn, file = read_keys(tmp_path), tmp_path / "keys.json"
    file.chmod(mode)
    if taken:
        assert read_keys(tmp_path) == drawn
        return
    with pytest.raises(ServiceFailed, match=f"has the mode 0{mode:o}; expected 0600: .*chmod 600 {file}") as refused:
        read_keys(tmp_path)
    assert not any(key in str(refused.value) for key in drawn.values() if key != "viper")
