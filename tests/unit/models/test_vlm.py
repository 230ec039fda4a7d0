"""What a model's folder suggests about sampling changes no reply."""

import json
import shutil
from pathlib import Path

from PIL import Image

from models.locations import resolve
from models.vlm import Prompt, load_vlm
from viper.profiles import load_profile


def test_a_folder_that_suggests_a_repetition_penalty_gives_the_same_replies(tmp_path: Path) -> None:
    settings = load_profile("shapes").models.vlm
    folder = tmp_path / "vlm"
    shutil.copytree(resolve(settings.path), folder)
    suggestions = json.loads((folder / "generation_config.json").read_text())
    suggestions |= {"repetition_penalty": 3.0, "top_k": 1, "do_sample": True, "no_repeat_ngram_size": 2}
    (folder / "generation_config.json").write_text(json.dumps(suggestions))

    def replies(path: str) -> list[str]:
        vlm = load_vlm(settings.model_copy(update={"path": path}))
        # 9 gray cells with a square each: the caption repeats its words, so a penalty would show.
        picture = Image.new("RGB", (48, 48), (127, 127, 127))
        for x in (4, 20, 36):
            for y in (4, 20, 36):
                picture.paste((220, 30, 30), (x, y, x + 8, y + 8))
        return vlm.generate([Prompt("describe the image.", (picture,))], max_new_tokens=60, batch=1)

    plain = replies(settings.path)
    assert len(set(plain[0].split())) < len(plain[0].split())
    assert replies(str(folder)) == plain
