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
es: incorrecta incorrecto errónea erróneo falsa falso descartada    it: sbagliata sbagliato errata errato falsa esclusa
pt: errada incorreta incorreto falsa falso errado    nl: fout onjuist    sv: fel    pl: błędna
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

OTHER_ANSWER = words("""
en: second secondary nd rd next another other alternate runner-up worst least trap opposite backup fallback third
en: fourth decoy
en: distractor initial original former earlier previous prior old tempting rejected
de: unwahrscheinlichste unwahrscheinlichster zweitbeste zweite zweiter nächste nächstbeste andere schlechteste
de: ursprüngliche vorherige frühere
fr: deuxième seconde autre pire moins    es: segunda otra peor menos    it: seconda altra peggiore peggior meno
pt: segunda outra pior menos inicial    nl: tweede andere slechtste vorige    sv: andra näst sämsta
ru: второй вторая второе другой худший наименее предыдущий первоначальный
zh: 第二 其次 次优 备选 另一 另一个 最差 最不 之前 原来 最初    ja: 次 次に 次点 二番目 最初    ko: 두번째 다음 처음
""")
"""Before a noun that announces an answer: it is not the one that is given."""
OTHER_AFTER = words("""
fr: alternative précédente initiale moins    es: alternativa anterior inicial menos    it: alternativa precedente
it: iniziale meno    pt: alternativa anterior inicial menos
""")
"""After such a noun, in Romance languages."""
FORMER = words("""
en: at_first initially originally previously first_guess first_thought first_instinct first_impression first_hunch
en: first_idea first_reaction first_inclination i_first first_considered i_considered i_contemplated
en: briefly_considered was_tempted been_tempted last_time previous_question last_question previous_example
en: previous_image previous_one previous_picture earlier_i used_to
de: zuerst anfangs ursprünglich zunächst erste_vermutung    fr: d'abord initialement début premier_abord
es: al_principio inicialmente primero_pensé primera_impresión    it: all'inizio inizialmente
pt: inicialmente primeiro_pensei no_início    nl: aanvankelijk eerst    ru: сначала изначально поначалу
zh: 最初 一开始 起初 原本 原以为 本以为 一開始    ja: 最初 当初 はじめ 初め    ko: 처음
""")
"""What a sentence tells of an earlier time, up to its next clause."""
OTHERWISE = words("""
en: otherwise    de: sonst ansonsten andernfalls    fr: sinon autrement    es: lo_contrario    it: altrimenti
pt: caso_contrário    nl: anders    ru: иначе    pl: inaczej    zh: 否则 否則    ja: さもなければ    ko: 아니면
""")
"""What a sentence tells of the case that is not there."""
ELSEWHERE = words("""
en: different another    de: andere anderen anderer anderes anderem    fr: autre    es: otra otro    it: altra altro
pt: outra outro    ru: другой другом другая другого
""")
"""In a sentence with one of ``WOULD``: what it says holds for something else."""
WITH = words("""
en: with without    de: mit ohne    fr: avec sans    es: con sin    it: con senza    pt: com sem    ru: с без
""")
"""At the begin of a sentence with one of ``WOULD``: it holds in another case."""
THAT = words("""
en: that that's that_isn't    de: das dies    fr: c'est ce cela ça
es: eso esto    it: questo quello ciò    pt: isso isto    ru: это    zh: 这 那 這 它    ja: それ これ
""")
"""What a withdrawal speaks of: "that is wrong"."""
EXCEPT = words("""
en: except besides excluding all_but everything_but apart_from aside_from    de: außer    fr: sauf
es: excepto salvo menos    it: tranne eccetto
pt: exceto    nl: behalve    ru: кроме    zh: 除了 除    ja: 以外
""")
"""Before the option of which the denial that follows is not said: "all except B are wrong"."""
