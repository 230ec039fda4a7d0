"""What is read out of a model's reply: critiques and operations. Decided by reading."""

import pytest

from models.lessons.csr import Csr
from models.lessons.lesson import Sample
from models.operations import read_written
from models.selfcritique import read_critique
from models.written import read_caption, read_statements

DOG, CAT, CAR = "Remove the dog.", "Add a cat.", "Recolor the car to red."
SUGGESTED = "I suggest you change the color of the car to red."
OPERATIONS: list[tuple[str, list[str]]] = [
    *(
        (f"{opening}The dog could be removed. A cat may be added.{closing}\nRemove the dog.", [DOG])
        for opening, closing in (
            ("<think>", "</think>"),
            ("<thinking>", "</thinking>"),
            ("◁think▷", "◁/think▷"),
            ("[THINK]", "[/THINK]"),
            ("<reasoning>", "</reasoning>"),
            ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
        )
    ),
    (SUGGESTED, [SUGGESTED]),
    ("I recommend removing the step stool.", ["I recommend removing the step stool."]),
    ("I'd write 'Edit' on the sign.", ["I'd write 'Edit' on the sign."]),
    ("I suggest these two edits. Remove the dog. Add a cat.", [DOG, CAT]),
    ("We recommend the following visual changes: Remove the dog.", [DOG]),
    ("1. **Change:** Recolor the car to red.\n2. **Change:** Remove the dog.", [CAR, DOG]),
    ("It will be night instead of day.", ["It will be night instead of day."]),
    ("Remove the dog. It ensures a calm picture.", [DOG]),
    ("Refined caption: A dog.\n\nEdits:\n1. Remove the dog.", [DOG]),
    ("Refined caption:\n\nA dog.\nIt sits.\n\nRemove the dog.", [DOG]),
    ("Remove the dog.\n\nRefined caption: A dog.\n\nIt sits.", [DOG]),
    ("Change the text 'Hello. World.' to 'Hi.'", ["Change the text 'Hello. World.' to 'Hi.'"]),
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


def test_corrections_may_stand_after_a_refined_caption() -> None:
    reply = "**Corrected Caption:** A dog sits.\n\n**Changes:**\n- The dog is black."
    assert read_critique(reply) == "The dog is black."


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


DOG_SITS, BALL = "A dog sits on a bench.", "A red ball lies left of it."
BOTH = f"{DOG_SITS} {BALL}"
CAPTIONS = [
    (BOTH, BOTH),
    (f"{DOG_SITS}\n{BALL}", BOTH),
    (f"- {DOG_SITS}\n- {BALL}", BOTH),
    (f"1. {DOG_SITS}\n2. {BALL}", BOTH),
    (f"Caption: {BOTH}", BOTH),
    (f"New caption:\n{BOTH}", BOTH),
    (f"**New caption:**\n\n{BOTH}", BOTH),
    (f"Here is the rewritten caption:\n\n{BOTH}", BOTH),
    (f"Sure! Here is the new caption: {BOTH}", BOTH),
    (f"Here's a detailed description of the image:\n{BOTH}", BOTH),
    (f"Sure!\n{BOTH}", BOTH),
    (f"Corrections:\nThe ball is red.\n\nRefined caption:\n{BOTH}", BOTH),
    (f"{BOTH}\n\nLet me know if you want it shorter.", BOTH),
    (f"<think>A dog?</think>{BOTH}", BOTH),
    (f"```\n{BOTH}\n```", BOTH),
    (f'{{"caption": "{BOTH}"}}', BOTH),
    ("A sign reads “Caption: none”. A dog sits.", "A sign reads “Caption: none”. A dog sits."),
    (
        "Below are three stone steps. The changes of tide show.",
        "Below are three stone steps. The changes of tide show.",
    ),
    ("a large blue cross is at the top left.", "a large blue cross is at the top left."),
    ("", ""),
    ("I'm sorry, I cannot describe this image.", ""),
    ("<think>A dog sits on", ""),
    ("Here is the caption:", ""),
]


@pytest.mark.parametrize(("reply", "caption"), CAPTIONS)
def test_a_caption_is_read_without_what_stands_around_it(reply: str, caption: str) -> None:
    assert read_caption(reply) == caption
