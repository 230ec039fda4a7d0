"""The words by which replies announce, name and confirm an answer, in the languages that models mostly reply in."""

from models.suites.word_tables import words

ANSWER = words("""
en: answer answers answered solution conclusion verdict response decision guess pick ans result prediction output
de: antwort lösung antwortet    fr: réponse reponse solution    es: respuesta solución contestación
it: risposta soluzione    pt: resposta solução gabarito    nl: antwoord    sv: svar svaret
pl: odpowiedź odpowiedz    cs: odpověď    ro: răspuns răspunsul    hu: válasz    fi: vastaus
tr: cevap yanıt cevabı    id: jawaban jawabannya    vi: đáp_án trả_lời    el: απάντηση    ru: ответ ответом
uk: відповідь    ar: الإجابة الاجابة الجواب إجابة    fa: پاسخ جواب    he: התשובה תשובה    hi: उत्तर जवाब
bn: উত্তর    th: คำตอบ    zh: 答案 答 回答 解答 正解 答复 结论 結論    ja: 答え 解答 正答 こたえ 正しく
ko: 정답 답 답변 해답 결론
""")
"""Nouns that announce an answer."""

OPTION = words("""
en: option choice alternative candidate selection opt statement    de: option antwortmöglichkeit auswahl möglichkeit
fr: option l'option choix proposition    es: opción opcion alternativa letra
it: opzione l'opzione scelta alternativa    pt: opção alternativa opcao letra    nl: optie keuze    sv: alternativ
pl: opcja    tr: seçenek şık şıkkı şıkkıdır seçeneği seçeneğidir    id: pilihan opsi    vi: phương_án
ru: вариант пункт выбор    uk: варіант
ar: الخيار خيار    fa: گزینه    he: אפשרות    hi: विकल्प    th: ตัวเลือก ข้อ    zh: 选项 選項 选择 選擇 项
ja: 選択肢 オプション 記号    ko: 선택지 옵션 보기 선택 번
""")
"""Nouns that name an option, before or after its letter."""

LINK = (
    words("""
en: is are be was being been becomes remains 's seems seem looks look appears appear
de: ist sei wäre lautet heißt    fr: est serait c'est    es: es sería seria    it: è e' sarebbe    pt: é seria
nl: is    sv: är    pl: jest brzmi    cs: je    ro: este    id: adalah ialah    vi: là    el: είναι
tr: dir    ru: это является    ar: هي هو    he: היא הוא    fa: است    hi: है हैं होगा    bn: হল হলো
th: คือ เป็น    zh: 是 为 為 应该是 应为 应是 应当是 就是 即 即为 应该为    ja: は が を です である
ko: 은 는 이 가 를 을 입니다 이다
""")
    | frozenset(":=→⇒")
    | {"->", "=>"}
)
"""What stands between such a noun and the answer, and between an option and what is said of it."""

CHOOSE = words("""
en: choose chose chosen choosing pick picked picking select selected selecting go_with going_with went_with
en: opt_for opting_for vote_for settle_on settled_on stick_with sticking_with favor favour choosing_option
en: go_for going_for lean_towards lean_toward leaning_towards leaning_toward leaning_to stay_with staying_with
en: remain_with stand_by inclined_towards    de: wähle wählen gewählt nehme
fr: choisis choisirais choisir
es: elijo elegiría elegir escojo selecciono    it: scelgo sceglierei    pt: escolho escolheria seleciono
nl: kies    sv: väljer    pl: wybieram    ru: выбираю выберу выбрать    uk: обираю    ar: أختار اختار
id: memilih    vi: chọn    tr: seçiyorum    zh: 选 選 选择 選擇    ja: 選ぶ    ko: 고른다    th: ตอบ เลือก
""")
"""Verbs that choose what follows them."""

SAY = words("""
en: say think guess believe mean answer suggest suppose conclude leaving leaves left_with that's it's that_is
en: it_is this_is matches corresponds_to must_be should_be would_be to_be so therefore thus hence actually
en: keep keeping ergo accordingly finally consequently overall okay ok alright well 
en: evidence_points evidence_suggests evidence_supports everything_points all_points clues_point signs_point
de: sage denke glaube meine es_ist das_ist also daher somit deshalb folglich
fr: dis dirais pense crois c'est donc ainsi alors    es: digo diría creo pienso entonces luego así
it: dico direi penso credo quindi dunque pertanto    pt: digo diria acho penso portanto logo então
ru: думаю считаю это значит следовательно итак поэтому    nl: dus
de: demnach demzufolge mithin    fr: par_conséquent en_conclusion    es: lo_tanto por_tanto por_eso en_conclusión
it: perciò conseguenza    pt: por_isso conseguinte enfim    ru: таким_образом скорее_всего вероятно
pl: zatem więc    tr: dolayısıyla bu_yüzden    vi: vậy do_đó    id: jadi    th: ดังนั้น
zh: 所以 因此 故 综上 因而 那么 于是 应该是 就是    ja: よって したがって だから ゆえに
ko: 따라서 그러므로
""")
"""Words that announce a letter which ends its clause: "I'd say B.", "so B.", "wait, actually B."."""

CORRECTION = words("""
en: oh ah correction rather wait actually sorry no nope hang_on hold_on scratch_that strike_that forget_that my_bad
en: my_mistake never_mind
en: nevermind oops whoops ups pardon hmm hm on_reflection second_thought second_thoughts closer_look updated update
en: revised corrected amended edit edited i_meant i_mean make_that changed_my_mind further_thought apologies
de: korrektur nein moment verzeihung entschuldigung nochmal_überlegt doch
fr: correction pardon non finalement en_fait    es: corrección perdón mejor_dicho en_realidad pensándolo_bien
it: correzione anzi no ripensandoci    pt: correção aliás desculpe na_verdade pensando_bem    nl: correctie nee
ru: точнее вернее поправка исправление нет
zh: 更正 纠正 修正 不对 等等 不 抱歉 应改为 改为    ja: 訂正 いや 間違えた やっぱり やはり    ko: 아니 정정
""")
"""What begins a clause that corrects what was said: "scratch that, C"."""

TICKS = frozenset("✓✔✅☑")
RIGHT = (
    words("""
en: correct right best accurate true closest appropriate suitable one fits fit matches match works applies
en: better    de: richtig korrekt richtige korrekte beste zutreffend wahr
fr: correct correcte bonne juste exact exacte vraie vrai meilleure meilleur
es: correcta correcto verdadera verdadero adecuada mejor
it: corretta corretto giusta esatta vero vera migliore    pt: correta correto certa certo verdadeiro verdadeira melhor
nl: juist juiste correct correcte
sv: rätt    pl: poprawna prawidłowa poprawny    ru: верный верно правильный правильно верен
uk: правильний правильна    ar: الصحيحة صحيحة الصحيح صحيح    hi: सही    fa: درست صحیح    he: נכונה הנכונה
tr: doğru    id: benar tepat    vi: đúng    th: ถูกต้อง ถูก
zh: 正确 正確 对 對 符合 最佳 最合适 正确的 对的 最符合 才是 才对
ja: 正しい 正解 適切 近い ふさわしい 選び 選択します
ko: 정답 맞습니다 맞다 맞는 옳은 올바른 선택
""")
    | TICKS
)

CHANCE = words("""
en: sure certain confident confidence chance chances probability probable likely likelihood odds certainty
de: sicher wahrscheinlich wahrscheinlichkeit    fr: sûr probabilité chance chances confiance
es: seguro segura probabilidad    it: sicuro sicura probabilità    pt: certeza probabilidade chance
ru: уверен вероятность вероятностью    zh: 把握 概率 可能 可能性 几率 确定 置信度    ja: 確率 可能性
""")
"""Words beside which a share in percent is the chance that an option is right."""

NO_CUE = frozenset(
    ["right", "true", "exact", "accurate", "one", "fits", "fit", "matches", "match", "works", "applies", "better"]
)
"""Of ``RIGHT``: words that announce no answer by themselves ("on the right is B")."""

HEDGE = words("""
en: most likely probably definitely clearly simply just indeed therefore thus then actually only certainly
en: surely obviously hence still really now also too both all very closely more exactly rather to be have been
en: can could may might would should must will immediately quite plausible probable gotta got comes 'd
en: apparently evidently seemingly presumably    de: wohl wahrscheinlich also eher
fr: donc probablement    es: probablemente    it: probabilmente    pt: provavelmente    ru: скорее всего
zh: 应该 最 最可能 可能 很可能 也 都 均 显然 明显 并 选项 项 的 是    ja: 最も 一番 もっとも
""")
"""Words that may stand between any of these."""

ARTICLE = words("""
en: the a an my our letter number labelled labeled    de: der die das ein eine den meine buchstabe
fr: la le l' une un les ma lettre    es: la el una un mi    it: la il lo una un lettera    pt: a o uma um
nl: de het een mijn    zh: 第 个    ja: 選択肢    ru: мой буква
""")

CHOSEN = words("""
de: wählen gewählt nehmen entscheiden entschieden    nl: kiezen gekozen    tr: seçiyorum seçerim seçtim
hi: चुनता चुनती चुनूंगा
ja: 選びました 選んだ    ko: 선택합니다 고르겠습니다
""")
"""Verbs that choose what stands before them."""
AFTERTHOUGHT = words("""
en: to_me for_me in_my here then though imo imho please it_is it_seems    de: denke_ich glaube_ich würde_ich
fr: je_pense à_mon    es: creo_yo para_mí    pt: eu_acho na_minha    ru: по_моему я_думаю    it: secondo_me
""")
"""After a letter that was said by itself: "looks like B to me"."""
REASON = words("""
en: because since as    de: weil da denn    fr: car parce puisque    es: porque pues    it: perché poiché
pt: porque pois    nl: omdat want    ru: потому поскольку    zh: 因为 因為 由于 由於    ja: なぜなら
""")
"""Before a clause that gives a reason: what it calls right is not thereby the answer."""
IT = frozenset(["it", "it's", "that", "this", "that'd", "it'd", "that'll", "it'll", "es", "das"])
LIKE = words("en: looks_like seems_like sounds_like")
DESCRIBES = words("en: describes represents depicts captures shows answers explains")
AGREES = words("""
en: consistent_with agrees_with matches_with aligns_with corresponds_with corresponds_to belongs_to is_in fits_with
""")
"""Before "option B", as what it shows, describes or matches."""
CHANGE = words("""
en: change changing switch switching revise revising update updating amend amending correct correcting
""")
"""Verbs with "to" before the new answer: "let me change that to C"."""

ALSO = words("""
en: or and    de: oder und    fr: ou et    es: o y u e    it: o e oppure    pt: ou e    nl: of en
sv: eller och    pl: lub albo    ru: или и    uk: або та    ar: أو و    fa: یا    he: או    hi: या और
tr: veya ve    id: atau dan    vi: hoặc và    th: หรือ    zh: 或 或者 和 与 及 以及 还是    ja: と か または や
ko: 또는 와 과 나 혹은
""") | frozenset("/,&、")
"""Between the letters of a reply that names several."""

TOGETHER = words("""
en: as_well_as along_with together_with and_also but_also plus and_so_is and_likewise and_equally
de: sowie wie_auch sondern_auch    fr: ainsi_que mais_aussi    es: así_como sino_también junto_con
it: così_come ma_anche    pt: bem_como mas_também assim_como    ru: а_также но_и    nl: maar_ook evenals
zh: 还有 跟 同
""")
"""Between two options that are named together."""
LIST_BEGINS = words("""
en: both of among options choices answers alternatives candidates letters
de: beide sowohl von unter optionen antworten
fr: des de parmi options réponses    es: de entre opciones respuestas ambas ambos    it: di tra opzioni risposte
pt: de entre opções respostas    ru: из варианты вариантов    nl: van opties
""")
"""Before a list of options, of which the last one belongs to the list, whatever follows it."""

PLURAL = words("""
en: are were both all have do can seem look appear fit match work apply may could might remain
de: sind beide passen    fr: sont semblent    es: son parecen    it: sono sembrano    pt: são parecem    ru: оба
zh: 都 均 皆
""")
"""After several names, what is said of all of them."""

BUT = words("""
en: but because since although though however while whereas so therefore then thus as
de: sondern aber weil denn    fr: mais car parce    es: pero sino porque    it: ma bensì perché
pt: mas porque    ru: а но потому    nl: maar    pl: ale lecz    zh: 而是 但 但是 因为 因為 由于 所以
ja: なので から ではなく じゃなく    ko: 아니라    ar: بل لكن    hi: बल्कि लेकिन    uk: а але бо    sv: utan men
""")
"""Where a denial ends."""

BECAUSE = words("""
en: because since as due given based not rather instead for which where with i and but while whereas though
en: although    de: weil da denn aufgrund    fr: car parce puisque    es: porque ya pues
it: perché poiché in_quanto    pt: porque pois já    ru: потому так поскольку    nl: omdat want
pl: ponieważ bo    tr: çünkü    id: karena    vi: vì    sv: eftersom    uk: бо
zh: 因为 因為 由于 由於 而 不 理由 。 吧 呢 项 選項 选项 啊
ja: です だ である なぜなら と でした になります となります    ko: 입니다 이다 이에요 예요 번 라고 다    ar: لأن
hi: है क्योंकि
""")
"""What may follow a letter that was said by itself."""

IS_WORD_AFTER_A = words("""
en: is are was were in on at from with by would seems looks appears fits matches describes shows has alone best
en: that so or if when than to the correctly this it there these here most remains stands works applies says
en: represents corresponds along together plus
""")
"""Words before which an A is no article, beside ``BECAUSE``."""

SENTENCE_BEGINS = frozenset(["The", "It", "This", "There", "Because", "Since", "As", "I", "In", "We"])
"""Words that begin a sentence after a letter without a mark: "A The ring is teal"."""

NAMED_BY_LETTER = words("""
en: major minor flat sharp vitamin vitamins cell cells coli movie team class side grade list tier ring cup
en: battery note
""")
"""Nouns that make a name of the letter before them: "C major", "E coli"."""
