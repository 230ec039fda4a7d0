"""Messages on one line."""

from viper.escaping import one_line


def test_a_message_has_one_line_and_long_values_are_cut() -> None:
    assert one_line("a\n\n  b\tc") == "a b c"
    assert one_line(f"{'x' * 202!r} is no name.") == f"'{'x' * 199}…' is no name."
    assert one_line(f"{'a b' * 100!r} is no name, nor is 'y'.") == f"'{('a b' * 100)[:199]}…' is no name, nor is 'y'."
    assert one_line(f"There is no folder {'y' * 300} here") == f"There is no folder {'y' * 200}… here"


def test_prose_with_apostrophes_is_left_alone() -> None:
    said = f"The server's log {'says more, ' * 30}and the owner's name too; {'x' * 190!r}, too."
    assert one_line(said) == said
