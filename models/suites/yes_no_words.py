"""The words by which replies say yes and no, and what takes a yes or no for something else."""

from models.suites.word_tables import words

_YES = """
yes yeah yep yup ja oui sí si sì sim да так ναι evet ya iya có نعم כן हाँ हां tak igen kyllä ano
はい ええ 네 예 是 是的 对 對 对的 有 有的 ใช่
"""
_NO = """
no nope nah nein non não nao нет ні όχι hayır tidak không لا לא नहीं nie nej nee ne nem ei
いいえ いや 아니요 아니오 아뇨 아니 否 不 不是 不是的 没有 沒有 不对 ไม่ใช่ ไม่
"""
YES_NO = {**dict.fromkeys(_YES.split(), "yes"), **dict.fromkeys(_NO.split(), "no")}
"""What says yes or no. Beyond English these words mean other things, too: they count where they stand by themselves."""

NOTHING_SAID = words("""
en: idea picture image photo pictures images photos attachment information context way doubt question problem
en: further additional such answer difference need wonder matter more longer one other clue reason point comment
en: worries
""")
"""Of which a "no" denies nothing that was asked: "no idea", "there is no picture in your message"."""
UNDECIDED = words("""
en: answer answers conclusion conclusions evidence determination decision judgment judgement certainty
""")
"""Of which a "no" leaves the question open, whatever stands between: "no clear answer can be given"."""
AFTER_NO = words("""
en: it they there because since the this that as to i he she we you and but not these those is are rather instead
en: here from in on at for with
""")
"""Words before which a "no" is an answer, not a "no dog"."""
SORRY = words("""
en: sorry unable cannot can't apologize apologies unfortunately
""")
