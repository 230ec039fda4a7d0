"""What a picture of the pool, a painting and a picture of a suite cost in tokens."""

import io

from flows.plan.records import Sights
from flows.plan.setting import Setting
from models.families.family import PHOTOGRAPH
from models.sizes.pictures import picture_tokens
from models.worlds import find_suite, world_of
from tasks.pools import find_source
from viper.errors import ViperError
from viper.settings import Settings


def look(setting: Setting) -> tuple[Sights, str, int]:
    """The sights of a round, what the first picture of the pool costs in words, and its pixels."""
    settings, folder = setting.asked, setting.described["vlm"].folder
    vlm, side = settings.models.vlm, settings.models.painter.side_px
    size, origin = _first_picture(settings)
    limits = (vlm.min_pixels, vlm.max_pixels)
    cost = picture_tokens(folder, *limits, size)
    drawn = world_of(settings.benchmarks.folder) is not None
    sights = Sights(
        picture=cost,
        painting=picture_tokens(folder, *limits, (side, side)),
        question_picture=cost if drawn else picture_tokens(folder, *limits, PHOTOGRAPH),
        rows={find_suite(name).name: find_suite(name).rows for name in settings.benchmarks.suites},
    )
    return sights, f"{cost:,} tokens for {size[0]:,} × {size[1]:,} pixels ({origin})", size[0] * size[1]


def _first_picture(settings: Settings) -> tuple[tuple[int, int], str]:
    """The size of the first picture of the pool; of a photograph where there is none to look at."""
    from PIL import Image

    pool = settings.pool
    if (world := world_of(pool.uri)) is not None:
        data = world.draw_picture(pool.uri, 0, 0)
    else:
        source = find_source(pool.uri)
        try:
            (file, *_) = source.sample(pool.uri, 1)
            data = source.read(file.name, pool.max_bytes)
        except (ViperError, ValueError):  # no pool yet, or an empty one
            return PHOTOGRAPH, "a photograph of 12 megapixels: no pool can be read here"
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size, "the pool's first picture"
