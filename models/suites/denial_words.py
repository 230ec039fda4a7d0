"""The words by which replies deny an option, take an answer back, or name one that they do not give."""

from models.suites.word_tables import words

CROSSES = frozenset("✗✘❌×✖")
NOT = words("""
en: not no never neither nor cannot can't cant isn't aren't wasn't weren't doesn't don't didn't won't wouldn't
en: shouldn't couldn't hasn't haven't without except excluding exclude excludes excluded eliminate eliminates
en: eliminated eliminating rule_out rules_out ruled_out ruling_out reject rejected rejecting discard discarded
en: dismiss dismissed instead_of rather_than than other_than unlike unable isnt doesnt dont ain't nobody none
en: hardly anything_but everything_but all_but unlikely
de: nicht kein keine keinen keiner nie ohne statt anstatt weder    fr: pas non jamais sans ni n'est aucun aucune
es: no nunca sin ni tampoco ningún ninguna    it: non nessun nessuna né senza mai
pt: não nao nunca sem nem nenhum    nl: niet geen    sv: inte    pl: nie    cs: není ne    ro: nu    hu: nem
fi: ei    tr: değil    id: bukan tidak    vi: không    ru: не нет ни    uk: не ні    ar: ليس ليست لا غير لن
fa: نیست نه    he: לא אין אינה    hi: नहीं न    th: ไม่ ไม่ใช่
zh: 不是 不 没有 没 非 并非 而非 而不是 不选 排除 不能 不可能 無 无 不存在 未 并不是 不應 不应
""")
"""Words that deny what follows them in their clause."""

WRONG = (
    words("""
en: wrong incorrect false impossible unlikely inaccurate mistaken invalid irrelevant ruled_out excluded
en: eliminated rejected discarded dismissed out ruled untrue implausible absent missing incorrectly
de: falsch inkorrekt unzutreffend ausgeschlossen    fr: faux fausse incorrect incorrecte exclue exclu
es: incorrecta incorrecto falsa falso descartada    it: sbagliata errata falsa esclusa
pt: errada incorreta falsa errado    nl: fout onjuist    sv: fel    pl: błędna
ru: неверный неверно неправильный неправильно ошибочен    ar: خاطئة خطأ خاطئ    hi: गलत    tr: yanlış
zh: 错 錯 错误 錯誤 不对 不對 不正确 不正確 不符 不符合 不成立 不是 排除 有误 不可能 不合适 不合理
ja: ではな ではなく じゃなく ではあり じゃな 違 間違 誤 不正解 不適切 がな はな がいな はいな がありま はありま
ko: 아니 아니라 아닙 아닌 틀 오답 없
""")
    | CROSSES
)
"""Words that deny what they are said of: "A is wrong"."""

IDIOMS = words("""
en: no_doubt no_question no_wonder no_other no_wait not_only not_just not_merely without_doubt none_other
en: only_not
""")
"""Begins of phrases that deny nothing of what follows."""

IF = words("""
en: if whether suppose unless    de: wenn falls ob    fr: si    es: si    it: se    pt: se    ru: если
zh: 如果 假如 若 假设    ja: もし    ko: 만약
""")
WOULD = words("""
en: would were could might had    de: wäre würde hätte    fr: serait était    es: sería fuera
it: sarebbe fosse    pt: seria fosse    ru: бы    zh: 如果 假如 若 假设    ja: もし    ko: 만약
""")
"""With an ``IF`` they make what a sentence says a mere thought."""
OTHERS_SAY = words("""
en: say think argue assume believe expect claim conclude answer choose pick
""")
"""What others do, after one of ``OTHERS``: "some might say the answer is A"."""
OTHERS = words("""
en: might may could people some others one you someone
""")
ASIDE = words("""
en: think believe say mean sure certain that the it is whether if i we do does am can be final right a my would
en: most claim
""")
"""What may stand between a denial and the declaration that it denies: "I do not think that the answer is A"."""
PRESENT = words("""
en: visible present there here shown seen in possible depicted supported an the right correct pictured found it
""")
"""What an option's text must lack to be denied: "a dog is not" denies only with one of these."""
