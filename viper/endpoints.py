"""The servers that generate with the vision-language model, as the environment names them.

VIPER_VLM_ENDPOINTS      addresses without ``/v1``, such as ``http://a:8000 http://b:8000``, between blanks or commas
VIPER_VLM_ENDPOINT_KEY   the key that they ask for, the same for all; none if they ask for none
VIPER_ADAPTERS           folder of adapters, at the same path here and where the servers run (default: in VIPER_HOME)
"""

import os
from pathlib import Path

from viper.addresses import shown_address, web_address
from viper.environment import work_folder
from viper.errors import AddressError

ADDRESSES, KEY, ADAPTERS = "VIPER_VLM_ENDPOINTS", "VIPER_VLM_ENDPOINT_KEY", "VIPER_ADAPTERS"
_EXPECTED = "Expected addresses such as http://HOST:8000, without /v1, between blanks or commas"


def vlm_endpoints() -> tuple[str, ...]:
    """The addresses, each once.

    Raises:
        AddressError: There is none, or one can be the address of no server.
    """
    found = dict.fromkeys(one.rstrip("/") for one in os.environ.get(ADDRESSES, "").replace(",", " ").split())
    if not found:
        raise AddressError(f'models.vlm.serving.engine is "endpoint", but {ADDRESSES} is empty. {_EXPECTED}.')
    for address in found:
        if "@" in address:
            raise AddressError(f"{ADDRESSES} names {shown_address(address)!r} with a login. Put the key into {KEY}.")
        web_address(ADDRESSES, address, _EXPECTED)
    return tuple(found)


def vlm_endpoint_key() -> str:
    """The key that is sent with every request; empty for none."""
    return os.environ.get(KEY, "")


def adapters_folder() -> Path:
    """Where adapters are put for the servers to load."""
    named = os.environ.get(ADAPTERS, "")
    return Path(os.path.expanduser(named)).resolve() if named else work_folder() / "served"
