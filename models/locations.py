"""Where models lie: the embedded ones, folders, hub names."""

from pathlib import Path

from viper.errors import ModelError

WEIGHTS = Path(__file__).resolve().parent / "worlds" / "shapes" / "weights"
EMBEDDED = ("vlm", "painter", "editor", "similarity")


def resolve(path: str) -> str:
    """A folder or hub name that ``from_pretrained`` takes.

    ``shapes:NAME`` is an embedded model. Anything that starts with ``.`` or ``/`` must exist; other names are left to
    the hub.

    Raises:
        ModelError: There is no such folder or embedded model.
    """
    if path.startswith("shapes:"):
        name = path.removeprefix("shapes:")
        if name not in EMBEDDED:
            raise ModelError(f"There is no embedded model {name!r}. Known: {', '.join(EMBEDDED)}.")
        folder = WEIGHTS / name
        if not any(folder.rglob("*.safetensors")):
            raise ModelError(f"The weights of shapes:{name} are missing in {folder}. Run `viper foundation`.")
        return str(folder)
    if path.startswith((".", "/")) and not Path(path).is_dir():
        raise ModelError(f"There is no folder {path}. Give a folder with a saved model, or a hub name.")
    return path
