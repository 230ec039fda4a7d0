"""What is read out of a model's reply: corrections, that there are none, and operations. Decided by reading."""

import pytest

from models.corrections import without_empty_corrections
from models.lessons.csr import Csr
from models.lessons.lesson import Sample
from models.nothing import says_nothing
from models.operations import read_written
from models.selfcritique import read_critique
from models.written import read_statements

REAL = """
The sign reads 10, not 10.5.
The sign reads 10.5, not 10.
The cup holds 3.5 l, not 3.50 l.
The sign reads 1,000, not 1000.
The clock shows 10:30, not 10:31.
The square is red, not blue.
The dog is dark brown, not brown.
The dog is brown, not dark brown.
It is a brown dog, not a dog.
There are two red squares, not two squares.
There are two red squares, not three red squares.
The square is red, not red and blue.
The dog is not brown.
They stand face to face.
They walk side by side.
The sign says "Stop", not "STOP".
The text says 'STOP NOW', not 'NOW'.
The circle is blue rather than red.
The circle should be blue instead of red.
red → blue
Change the color from red to blue.
Replace the red square with a blue square.
The square is not red but blue.
Instead of red, the square is blue.
The square is red, not red, and the circle is blue, not green.
The caption says red, but the dog is red.
The caption says red, but it is blue.
The man, not the woman, holds the cup.
The cat is on the table, not in the table drawer.
The car is red.
The dog should be a cat.
The square is now red; not all of it is red.
The car is blue rather than dark blue.
It should say 'A B', not 'AB'.
There are 12 dogs, not 2 dogs.
It is 5 °C, not -5 °C.
The dog is on the left, not on the right.
'red' → 'Red car'
The hat is red, not the scarf.
Add the dog, not mentioned in the caption.
The cat is to the left of the dog, not to the right of the dog.
The sign says 50%, not 50.
The plate reads AB-12, not AB12.
The time is 3:00, not 3.
It is a bus, not a school bus.
It is a school bus, not a bus.
The ball is red; the cube is not.
red vs. blue
-5, not 5.
$5, not 5.
""".strip().splitlines()
EMPTY = """
The square is red, not red.
The sign reads 10, not 10.
The sign reads 10.5, not 10.5.
There are two red squares, not two red squares.
the object should be a ring instead of a ring.
The cup is blue rather than Blue.
The cup is "blue", not 'blue'.
The cup is “blue” — not “blue”.
It should be red, not red.
The square is red (not red).
The square is red and not red.
red → red
"red" -> "Red"
The color: red => red.
Change the color from red to red.
Replace the red square with the red square.
The square is not red but red.
Instead of red, the square is red.
Not red, but red.
Red should be red.
The caption says red, but it is red.
The caption says two dogs, but there are two dogs.
It is a dog as opposed to a dog.
The car is in the garage, not in the garage.
The square is red, not red as the caption says.
The dog is dark brown, not dark brown.
The car is blue, rather than blue.
There are 12 dogs, not 12 dogs.
The dog is on the left, not on the left.
Should be 'red', not 'red'
'red' → 'red'
The square is not blue but blue.
The dog is black, and not black.
The dog is black instead of being black.
The dog's collar is red, not red.
It is a school bus, not a school bus.
The ball is red, not Red!
""".strip().splitlines()


@pytest.mark.parametrize("sentence", REAL)
def test_a_correction_that_changes_something_is_kept(sentence: str) -> None:
    assert without_empty_corrections([sentence]) == [sentence]


@pytest.mark.parametrize("sentence", EMPTY)
def test_a_correction_that_changes_nothing_is_left_out(sentence: str) -> None:
    assert without_empty_corrections([sentence]) == []


def test_a_repeat_is_left_out_in_whatever_case() -> None:
    said = ["The dog is red.", "The cat is black.", "the  dog is red.", "The dog is red."]
    assert without_empty_corrections(said) == ["The dog is red.", "The cat is black."]


NOTHING = """
Nothing to correct.
nothing to correct
Nothing to correct!
**Nothing to correct.**
*Nothing to correct.*
__Nothing to correct__.
`Nothing to correct.`
"Nothing to correct."
“Nothing to correct.”
- Nothing to correct
• Nothing to correct.
1. Nothing to correct.
# Nothing to correct
> Nothing to correct.
Refinements: nothing to correct.
Corrections: None.
**Corrections:** Nothing to correct.
Here are the corrections:~- Nothing to correct.
Answer: Nothing to correct.
There is nothing to correct.
There's nothing to correct here.
Nothing needs to be corrected.
Nothing must be corrected in the caption.
No corrections needed.
No corrections are necessary.
No corrections.
No differences found.
No changes are required.
There are no corrections to make.
I see no differences between the two images.
I don't see any differences.
The caption is right.
The caption is accurate.
The caption is correct as it is.
The caption is already accurate and complete.
The caption is accurate, so nothing needs to be corrected.
The caption accurately describes the image.
The caption matches the first image perfectly.
The caption does not need any corrections.
Everything is correct.
The two images are identical.
After comparing the two images, there is nothing to correct.
Nothing to correct. Let me know if you need anything else!
Nothing to correct.~~The caption is accurate.
["Nothing to correct."]
```~Nothing to correct.~```
Sure! Nothing to correct.
None
No corrections are needed; the caption is accurate.
No need to correct anything.
The caption is perfect.
All good!
Nothing to correct 👍
I found nothing to correct.
Upon closer inspection, no corrections are needed.
There are no differences between the images.
The given caption is fully accurate.
**Correction:** Nothing to correct.
Nothing to correct
1. Nothing to correct.~2. Nothing to correct.
The images are the same.
{"corrections": []}
[]
No errors were found in the caption.
The caption describes the image correctly.
<answer>Nothing to correct.</answer>
Nothing to correct (the caption is accurate).
NOTHING TO CORRECT.
""".strip().splitlines()
SOMETHING = """
Nothing to correct except the color of the square.
Nothing to correct but the color.
Nothing to correct apart from the text.
Nothing to correct? The dog is black.
Nothing to correct, but the dog is black.
Nothing to correct. However, the dog is black.
The caption is right about the dog, but the cat is black.
The caption is right about the dog.
The caption is not right.
The caption is mostly right.
The caption is accurate except for the color.
No corrections needed for the dog, the cat is black.
No dog is in the image.
There is nothing on the table.
Nothing is on the table.
The dog is right of the cat.
It is right of the cat.
The sign says "Nothing to correct."
The caption needs corrections.
The dog is black, not white.
Is everything correct?
No, the dog is black.
The caption is accurate but incomplete.
The caption is accurate, but it misses the dog.
Nothing is missing except the dog.
There is no dog.
No corrections needed for the color; the size is wrong.
It is not accurate.
The text is correct: STOP.
The caption is right that the dog is black.
Almost nothing to correct.
There is something to correct.
There are no trees in the image.
The image is right side up.
All dogs are black.
Nothing to correct in the foreground, the sky is blue.
This is a fine dog.
""".strip().splitlines()


@pytest.mark.parametrize("reply", NOTHING)
def test_nothing_to_correct_is_understood_in_any_wrapping(reply: str) -> None:
    assert says_nothing(reply.replace("~", "\n"))
    assert says_nothing(read_critique(reply.replace("~", "\n")))


@pytest.mark.parametrize("reply", ["", " \n", *SOMETHING])
def test_a_reply_that_corrects_anything_does_not_say_nothing(reply: str) -> None:
    assert not says_nothing(reply)


DOG, CAT, CAR = "Remove the dog.", "Add a cat.", "Recolor the car to red."
OPERATIONS: list[tuple[str, list[str]]] = [
    ("Here are the edits:\n1. Recolor the car to red.\n2. Remove the dog.\n3. Add a cat.", [CAR, DOG, CAT]),
    ("Here are three possible edits for the image:\n\n- Remove the dog.\n- Add a cat.", [DOG, CAT]),
    ("Sure! Here are the edits.\nRemove the dog.\nAdd a cat.", [DOG, CAT]),
    ("Certainly!\n\nRemove the dog.", [DOG]),
    ("I would suggest the following changes:\nRemove the dog.", [DOG]),
    ("Remove the dog.\nAdd a cat.\n\nLet me know if you want more edits.", [DOG, CAT]),
    ("Remove the dog. I hope this helps!", [DOG]),
    ("Remove the dog.\nThese edits change one entity each.", [DOG]),
    ("Remove the dog.\nThis edit makes the image simpler.", [DOG]),
    ("Remove the dog.\nNote: everything else stays the same.", [DOG]),
    ("Remove the dog.\nWould you like more?", [DOG]),
    ("3 dogs are added left of the bench.", ["3 dogs are added left of the bench."]),
    ("1. 3 dogs are added.", ["3 dogs are added."]),
    ("- 3 dogs are added.", ["3 dogs are added."]),
    ("-5 °C is written on the sign.", ["-5 °C is written on the sign."]),
    ("1) -5 °C is written on the sign.", ["-5 °C is written on the sign."]),
    ("1. 3.5 m of fence are added.", ["3.5 m of fence are added."]),
    ("**Remove the dog.**\n**Add a cat.**", [DOG, CAT]),
    ("1. **Recolor the car** to *red*.", [CAR]),
    ("**1.** Remove the dog.\n**2. Add** a cat.", [DOG, CAT]),
    ("## Edits\n1. Remove the dog.", [DOG]),
    ("### Edit 1: Remove the dog.\n### Edit 2: Add a cat.", [DOG, CAT]),
    ("**Proposed edits:**\nRemove the dog.", [DOG]),
    ("Visual edits\nRemove the dog.", [DOG]),
    ('```json\n["Remove the dog.", "Add a cat."]\n```', [DOG, CAT]),
    ('Here are the edits:\n```json\n[\n  "Remove the dog.",\n  "Add a cat."\n]\n```\nLet me know!', [DOG, CAT]),
    ('["Remove the dog.", "Add a cat."]', [DOG, CAT]),
    ("['Remove the dog.', \"Move the cat's bowl up.\"]", [DOG, "Move the cat's bowl up."]),
    ('[{"edit": "Remove the dog."}, {"edit": "Add a cat."}]', [DOG, CAT]),
    ('{"edits": [{"entity": "dog", "instruction": "Remove the dog."}]}', [DOG]),
    ('{"1": "Remove the dog.", "2": "Add a cat."}', [DOG, CAT]),
    ('{"edit": "Remove the dog."}\n{"edit": "Add a cat."}', [DOG, CAT]),
    ('["Remove the dog.", "Add a', [DOG]),
    ("```\nRemove the dog.\nAdd a cat.\n```", [DOG, CAT]),
    ("Step 1: Remove the dog.\nStep 2: Add a cat.", [DOG, CAT]),
    ("Step 1. Remove the dog.\nStep 2. Add a cat.", [DOG, CAT]),
    ("Edit 1 - Remove the dog.\nEdit 2 – Add a cat.", [DOG, CAT]),
    ("**Edit 1:** Remove the dog.", [DOG]),
    ("[Edit 1] Remove the dog.", [DOG]),
    ("Remove the dog.\nremove the dog.\nAdd a cat.", [DOG, CAT]),
    ("1. Remove the dog. 2. Add a cat. 3. Recolor the car to red.", [DOG, CAT, CAR]),
    ("1) Remove the dog 2) Add a cat", ["Remove the dog", "Add a cat"]),
    ("Edits: 1. Remove the dog. 2. Add a cat.", [DOG, CAT]),
    ("移除狗。\n添加一只猫。", ["移除狗。", "添加一只猫。"]),
    ("1. 移除狗。2. 添加一只猫。", ["移除狗。", "添加一只猫。"]),
    ("犬を消す。猫を加える。", ["犬を消す。", "猫を加える。"]),
    ("Remove dog.", ["Remove dog."]),
    ("Remove dog", ["Remove dog"]),
    ("Remove.", []),
    ('"Remove the dog."\n“Add a cat.”', [DOG, CAT]),
    ("Remove the dog.\n---\nAdd a cat.", [DOG, CAT]),
    ("Change the car from red to red.\nAdd a cat.", [CAT]),
    ("Change the sign to read “No. 5”.", ["Change the sign to read “No. 5”."]),
    ("I'm sorry, I cannot edit images.", []),
    ("Nothing to correct.", []),
    ("", []),
    ("```", []),
    ("Below are two edits for the image:\n\n1) Remove the dog.\n2) Add a cat.", [DOG, CAT]),
    ("Edits:\n\n* **Remove the dog.**\n* **Add a cat.**\n\nThese changes alter single entities.", [DOG, CAT]),
    ("1. **Edit:** Remove the dog.\n2. **Edit:** Add a cat.", [DOG, CAT]),
    ("Of course! Remove the dog.", [DOG]),
    ("<answer>Remove the dog.</answer>", [DOG]),
    ("1. Remove the dog.\n\n2. Add a cat.\n\n3.", [DOG, CAT]),
    ("- Remove the dog.;\n- Add a cat.", [DOG, CAT]),
    ("- Recolor the car to red\n- Remove the dog", ["Recolor the car to red", "Remove the dog"]),
    ("Remove the dog.\n\n\nAdd a cat.\n\nPlease let me know if these work.", [DOG, CAT]),
    ('{"operations": ["Remove the dog."]}', [DOG]),
    ('{\n  "edit_1": "Remove the dog.",\n  "edit_2": "Add a cat."\n}', [DOG, CAT]),
    ("1. Change “5” on the bus to “7”.", ["Change “5” on the bus to “7”."]),
    ("Replace the number 3 with 8. Remove the dog.", ["Replace the number 3 with 8.", DOG]),
    ("Operation 1: Remove the dog. Operation 2: Add a cat.", [DOG, CAT]),
    ("1️⃣ Remove the dog.\n2️⃣ Add a cat.", [DOG, CAT]),
    ("2. 2 cats are added.", ["2 cats are added."]),
    ("Remove the dog. Remove the dog. REMOVE THE DOG.", [DOG]),
    ("First edit: Remove the dog.\nSecond edit: Add a cat.", [DOG, CAT]),
    ("Here's one edit you could make: Remove the dog.", [DOG]),
    ("| Edit |\n|---|\n| Remove the dog. |", [DOG]),
    ("No edits needed.\nRemove the dog.", [DOG]),
    ("Remove the dog.\n\n(Note: the dog is on the left.)", [DOG]),
    ("好的，以下是编辑：\n1. 把汽车变成红色。", ["把汽车变成红色。"]),
    ("Sure, here you go:\nRemove the dog.\nAdd a cat.", [DOG, CAT]),
    ("Remove the dog.\n\nExplanation: the dog is hard to see.", [DOG]),
    ("Edit: Remove the dog.\nReason: It is small.", [DOG]),
    ("Remove the dog (left).\nAdd a cat.", ["Remove the dog (left).", CAT]),
    ("<edit>Remove the dog.</edit>\n<edit>Add a cat.</edit>", [DOG, CAT]),
    ("[1] Remove the dog.\n[2] Add a cat.", [DOG, CAT]),
    ('[Edit 1] Change the text to "STOP".', ['Change the text to "STOP".']),
    ("<think>The dog? Remove it.</think>\nRemove the dog.", [DOG]),
]


@pytest.mark.parametrize(("reply", "operations"), OPERATIONS)
def test_a_plan_holds_the_operations_of_a_reply_and_nothing_around_them(reply: str, operations: list[str]) -> None:
    plan = read_written("image", reply, 3)
    assert (list(plan.sentences) if plan else []) == operations


def test_no_more_operations_are_taken_than_asked_for() -> None:
    plan = read_written("image", "\n".join(f"Remove dog {number}." for number in range(9)), 3)
    assert plan is not None
    assert plan.sentences == ("Remove dog 0.", "Remove dog 1.", "Remove dog 2.")


def test_a_critique_is_read_without_what_stands_around_it() -> None:
    reply = (
        "Here are the corrections:\n1. The dog is **black**, not white.\n2. The cup is red, not red.\n"
        "3. The sign reads 10, not 10.5.\n\nRefined caption: A black dog sits beside a sign."
    )
    assert read_statements(read_critique(reply)) == ["The dog is black, not white.", "The sign reads 10, not 10.5."]


def test_corrections_without_marks_stay_apart() -> None:
    assert read_critique("- The dog is black\n- The cat is white") == "The dog is black\nThe cat is white"
    assert read_critique("- The dog is black.\n- The cat is white.") == "The dog is black. The cat is white."


@pytest.mark.parametrize(
    ("truth", "teaches"),
    [
        (("Nothing to correct.",), False),
        (("Nothing to correct.", "The caption is right."), False),
        (("Nothing to correct.", "But the dog is black."), True),
    ],
)
def test_a_sample_teaches_unless_all_of_it_says_nothing(truth: tuple[str, ...], teaches: bool) -> None:
    assert Csr().teaches(Sample("image", (), "prompt", truth, {})) == teaches
