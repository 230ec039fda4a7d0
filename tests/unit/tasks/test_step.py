"""Keys and seeds of steps."""

from tasks.pool import choose
from tasks.step import key_of, seed_of
from viper.profiles import load_profile, override

SETTINGS = load_profile("shapes")


def test_a_key_depends_on_step_version_and_inputs_and_on_nothing_else() -> None:
    key = key_of("captions", 1, {"a": 1, "b": [SETTINGS.filter]})
    assert key == key_of("captions", 1, {"b": [SETTINGS.filter], "a": 1})
    others = [
        key_of("paintings", 1, {"a": 1, "b": [SETTINGS.filter]}),
        key_of("captions", 2, {"a": 1, "b": [SETTINGS.filter]}),
        key_of("captions", 1, {"a": 2, "b": [SETTINGS.filter]}),
    ]
    assert len({key, *others}) == 4


def test_seeds_differ_by_round_step_item_and_evolution_seed() -> None:
    other = override(SETTINGS, ["seed=18"])
    seeds = [
        seed_of(SETTINGS, 1, "noise", "x"),
        seed_of(SETTINGS, 2, "noise", "x"),
        seed_of(SETTINGS, 1, "critique", "x"),
        seed_of(SETTINGS, 1, "noise", "y"),
        seed_of(other, 1, "noise", "x"),
    ]
    assert len(set(seeds)) == 5
    assert seeds[0] == seed_of(SETTINGS, 1, "noise", "x")
    assert all(0 <= seed < 2**62 for seed in seeds)


def test_rounds_take_other_files_until_the_pool_is_used_up() -> None:
    names = [f"{i}.png" for i in range(10)]
    settings = override(SETTINGS, ["pool.images_per_round=4", "pool.uri=./somewhere"])
    first, second, third = (set(choose(names, settings, number)) for number in (1, 2, 3))
    assert not first & second
    assert len(first) == len(second) == len(third) == 4
    assert first | second | third == set(names)
