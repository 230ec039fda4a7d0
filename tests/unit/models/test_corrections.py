"""Which corrections change something, and which replies say that nothing is to correct."""

import pytest

from models.corrections import without_empty_corrections
from models.nothing import says_nothing
from models.selfcritique import read_critique

REAL = """
It is a statue of a dog, not a dog.
The shirt is red and white, not white.
The text is red on white, not white.
The sign reads "Welcome to Paris", not "Paris".
It says "Bank of America", not "America".
The clock shows 5 to 10, not 10.
The score is 3 to 2, not 2.
The dog is black with white paws, not white paws.
There are two cats and a dog instead of a dog.
She is wearing a coat over a dress instead of a dress.
The ball is next to the box, not the box.
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
It's accurate.
It's correct.
That's right.
Based on the comparison, there are no corrections needed.
There are no inaccuracies in the caption to correct.
The caption is accurate and does not need any corrections.
No further corrections are needed at this time.
The painting matches the image.
The painted image matches the original image.
Everything matches.
All details match.
Looks good to me.
The caption provides an accurate description of the image.
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
It's a dog.
The painting matches the image, but the dog is black.
The caption provides an accurate description of the dog.
Everything matches except the colour of the dog.
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
