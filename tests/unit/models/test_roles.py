"""What plays a role today has the role's methods."""

import inspect
from typing import Any

import pytest

from models import roles
from models.judges.features import FeatureJudge
from models.judges.pixels import PixelJudge
from models.pipelines.editor import DiffusersEditor
from models.pipelines.painter import DiffusersPainter
from models.rewards import SentenceReward
from models.vlm import Vlm


@pytest.mark.parametrize(
    ("role", "player"),
    [
        (roles.Writer, Vlm),
        (roles.Painter, DiffusersPainter),
        (roles.Editor, DiffusersEditor),
        (roles.Judge, PixelJudge),
        (roles.Judge, FeatureJudge),
        (roles.Reward, SentenceReward),
    ],
)
def test_a_player_takes_what_its_role_is_given(role: Any, player: Any) -> None:
    methods = [name for name in vars(role) if not name.startswith("_")]
    assert methods
    for name in methods:
        expected, found = (inspect.signature(getattr(one, name)).parameters for one in (role, player))
        assert [(p.name, p.kind, p.default) for p in found.values()] == [
            (p.name, p.kind, p.default) for p in expected.values()
        ]
