"""Cues: the words with which a task leans on another one's result, or says that it does not. Data, in several languages."""

import re

from nodes.text import plain


def _any(*lines: str) -> str:
    """Join alternatives, folded as the texts are that they are looked for in."""
    return "(?:" + "|".join(plain(line) for line in lines) + ")"


def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(plain(source))


# What a specialist hands over, in general words. What it is in particular is read from the plan itself.
RESULT = _any(
    r"results?|findings?|outputs?|plans?|reports?|lists?|schedules?|estimates?|estimations?|budgets?|analys[ie]s|figures?|numbers?",
    r"recommendations?|costs?|costings?|data|work|proposals?|drafts?|research|survey|designs?|layouts?|choices?|selections?",
    r"decisions?|conclusions?|calculations?|assessments?|specifications?|programmes?|suggestions?|comparisons?|texts?|answers?",
    r"ergebniss?\w*|\w*(?:plane?n?s?|listen?|zahlen|kosten|entwurfs?|rechnung|schatzung|auswahl|analyse|konzepts?|programms?)",
    r"berichte?s?|empfehlung\w*|vorschl\w+|vorgaben?|entscheidung\w*|angaben|daten|arbeit",
    r"resultats?|rapports?|listes?|chiffres|donnees|analyses?|propositions?|estimations?|couts|choix|conclusions|travail",
    r"resultados?|informes?|listas?|cifras|datos|analisis|propuestas?|estimacion\w*|costes?|costos?|eleccion|trabajo|revision",
    r"(?:ال|ل)?(?:نتائج|نتيجه|قائمه|خطه|تقرير|ميزانيه|تحليل|ارقام|بيانات|تقديرات|توصيات|مقترحات|تصميم|جدول|حسابات|اقتراحات)",
)
_HANDS_OVER = _any(
    r"chosen|chooses?|choose|selects?|selected|picks?|picked|propos\w+|suggest\w*|recommend\w*|decid\w+|determin\w+|defin\w+|design\w*",
    r"find|finds|found|identif\w+|estimat\w+|calculat\w+|comput\w+|works? out|worked out|sets?|settle[sd]?|fix\w*|plan|plans|planned",
    r"draws? up|drawn up|draft\w*|produce[sd]?|writes?|written|lists?|listed|reports?|reported|finish\w*|complete[sd]?|come[s]? up with",
    r"delivers?|delivered|specif\w+|outline[sd]?|develop\w*|provide[sd]?|suppl(?:ied|ies)|prepare[sd]?|compile[sd]?|create[sd]?|gathered|collected|agrees|approves|approved|confirm\w*|finali[sz]\w+|settles?",
    r"(?:aus|fest|zusammen|vor|er|be|ver|ge|ent|an|auf|über|ab)\w*(?:wahlt|wählt|sucht|legt|stellt|schlagt|schlägt|schlagen|mittelt|arbeitet|rechnet|schätzt|schatzt|schrieben|plant|nannt|liefert|geben|gibt|funden|stimmt|schlossen)(?:en?|em|er)?",
    r"wählt|sucht|plant|nennt|liefert|schreibt|findet|plante[nr]?|gefunden|herausgefunden|fertig\w*|vorgegeben\w*|erarbeitet\w*|empfiehlt|empfohlen\w*|entwirft|entworfen\w*|berechnet\w*|entscheidet|entschieden|vorgeschlagen\w*",
    r"chois\w+|propos\w+|fix[eé]\w*|aura \w+|etabli\w*|defini\w*|calcul\w+|determin\w+|retenu\w*|selectionn\w+|recommand\w+|redig\w+|fourni\w*|prepar\w+|estim\w+|elabor\w+|termin\w+|identifi\w+|decid\w+|trouv\w+",
    r"elegid[oa]s?|elij[ae]|eligi\w+|elige|propuest\w+|propon\w+|haya \w+|hayan \w+|fijad[oa]s?|fije|calculad\w+|seleccionad\w+|recomend\w+|redactad\w+|elaborad[oa]s?|establecid\w+|decidid\w+|diseñad\w+|hech[oa]s?|encontrad\w+",
)
_HANDED_AR = _any(
    r"(?:ي|ت|س)?(?:ا?ختار|ختر|حدد|عد|عدد|قدم|قترح|ضع|صمم|حسب|قدر|نتهي|نجز|توصل|قرر|وصي|عتمد|كمل)\w*|اعد\w*|اختار\w*|اختيار|حدد\w*|تحديد|قدم\w*|تقديم|"
    r"اقترح\w*|وضع\w*|صمم\w*|حسب\w*|قدر\w*|انجز\w*|اعداد|اعتماد|انتهاء|وصل\w*|رشح\w*|كتب\w*"
)
HANDS_OVER = f"(?:{_HANDS_OVER}|{_HANDED_AR})"
BASIS = _any(
    r"us(?:e|es|ing)|bas(?:ed|ing|e)(?: \w+)? (?:up)?on|build(?:s|ing)? (?:up)?on|according to|in line with|depend(?:s|ing|ent) on|rely(?:ing)? on|given|follow(?:s|ing)?|"
    r"reflect(?:s|ing)?|incorporat(?:e|es|ing)|align(?:s|ed|ing)?(?: \w+)? (?:with|to)|match(?:es|ing)?|fit(?:s|ting)?|taking into account|in light of|start(?:ing)? from|"
    r"draw(?:ing)? on|after reading|work(?:ing|s)? (?:from|with)|from|compare \w+ with|considering|in accordance with|tailored to",
    r"(?:auf|anhand)(?: der)? (?:basis|grundlage)|auf basis|basierend auf|aufbauend auf|anhand|gem[aä]ss|entsprechend|laut|ausgehend von|verwende\w*|nutze\w*|benutze\w*|"
    r"mit ?hilfe|passend zu\w*|abgestimmt auf|unter ber[uü]cksichtigung|orientiere\w*|stutze dich auf|aufgrund|zu den|zu dem|aus den|aus dem|mit den|beru(?:cksichtig\w+)|bau\w* auf|stutz\w* (?:dich )?auf|orientiere dich an|gehe? von",
    r"a partir d\w*|sur la base d\w*|selon|d'apres|en utilisant|utilise\w*|en fonction d\w*|en te (?:fondant|basant|appuyant) sur|en tenant compte d\w*|sur base d\w*|conformement a\w*|en suivant|base[es]* sur|en reprenant|"
    r"a partir del?|con base en|basa\w+ en|basandote en|segun|usando|usa|utiliza\w*|teniendo en cuenta|tomando (?:como base|en cuenta)|de acuerdo con|en funcion del?|siguiendo|partiendo del?|compara\w* con",
    r"بناء علي|استنادا الي|وفقا ل?\w*|باستخدام|اعتمادا علي|يعتمد علي|تعتمد علي|بالاعتماد علي|بالاستناد الي|حسب|في ضوء|انطلاقا من|استخدم|طبقا ل\w*|علي اساس|وفق|مستخدما|اعتمد علي|استند الي|مع مراعاه|بحسب",
)
_TEMPORAL = _any(
    r"once|after|when|as soon as|until|till|wait(?:s|ing)? (?:for|until)|if",
    r"sobald|nachdem|wenn|wartet?|bis|sowie",
    r"une fois(?: que)?|des que|apres que|apres|quand|lorsque|attends? que|"
    r"una vez(?: que)?|cuando|despues de que|despues de|tras|en cuanto|espera\w*(?: a)?(?: que)?",
    r"بعد ان|بعد|بمجرد(?: ان)?|عندما|فور|حين|انتظر(?: حتي)?|حالما",
)
_DECIDED = _any(
    r"chosen|decided(?: on)?|fixed|settled|finali[sz]ed|confirmed|known|agreed|selected|determined|ready|available|drawn up|worked out|defined|set|booked|complete|completed|finished|done|in place|clear|approved|written|designed",
    r"feststeht|feststehen|fest ?steht|steht|stehen|festgelegt|gew[aä]hlt|ausgew[aä]hlt|entschieden|bekannt|fertig|bestimmt|best[aä]tigt|vorliegt|vorliegen|beschlossen|fixiert|klar",
    r"choisie?s?|fixee?s?|connue?s?|definie?s?|decidee?s?|confirmee?s?|prete?s?|arretee?s?|etablie?s?|valide?e?s?|termine?e?s?|determinee?s?|selectionnee?s?",
    r"elegid[oa]s?|fijad[oa]s?|conocid[oa]s?|definid[oa]s?|decidid[oa]s?|confirmad[oa]s?|list[oa]s?|establecid[oa]s?|acordad[oa]s?|seleccionad[oa]s?|este|terminad[oa]s?",
)
THE = _any(
    r"(?:the|our|your|their|an?|all|each|any|der|die|das|dem|den|des|vom|beim|zum|zur|le|la|les|l'|du|des|el|los|las|del|al|lo|une?|فريق|ال) ?"
)
_OF = _any(
    r"of|from|by|made by|given by|provided by|des|der|von|vom|von der|von dem|aus der|durch|du|de la|de l'|de|des|d'|del|de los|de las|par|por|من قبل|من طرف|من|بواسطه|لدي"
)
_FOR = _any(r"for|to|with|fur|an|mit|dem|den|pour|avec|au|aux|para|al|con|a|ل|مع|الي")
_END = r"(?=\s*(?:[,.;:!?)،؛]|$))"

# Around another specialist's name; BEFORE stand at the end of what precedes it, AFTER at the start of what follows it.
POSSESSIVE_MARK = _pattern(r"(?:'s|s'|')(?= )")
NAMED = _pattern(
    rf"(?: team'?s?| specialist'?s?| expert'?s?)? ?(\w+)(?:{_END}|(?= (?:and|und|et|y|to|for|um|pour|para|in|as)\b))"
)
IS_RESULT = _pattern(rf"{RESULT}$")
OF_THEM = _pattern(rf"(?<!\w)(\w+) (?:\w+ ){{0,3}}?{_OF} ?{THE}?$")
BY_THEM = _pattern(
    rf"(\w+)(?: up| out)?(?: (?:in|for|as|already)\b[^,]{{0,12}})? (?:by|vom|von|von der|von dem|durch|par|por|من قبل|من طرف|بواسطه) ?{THE}?$"
)
IS_HANDED = _pattern(rf"{HANDS_OVER}$")
HANDED_AR = _pattern(
    rf"(?:الت?ي|الذي|الذين|اللتان|كما|ما|بعد ان|بعد|بمجرد ان|عندما|حالما|فور|حين) {_HANDED_AR} ?(?:فريق )?$"
)
RELATIVE = _pattern(
    rf"(?:\b(?:that|which|whom|what|whatever|where|as|how much|how many|que|qu'|lo que|ce que|cuando|quand|"
    rf"was|wie|die|das|den|welche[rsnm]?)|(?<!\w){_TEMPORAL}) ?{THE}?(?:von )?{THE}?$"
)
THEY_ARE = _pattern(
    r"(?: team| specialist)?(?: has| have| had| will| is| are| would| \w+ly| already| then| is going to)*(?: been)? (\w+)"
)
THEY_HAVE = _pattern(
    r"(?: team| specialist)? (?:has|have|hat|haben|ha|han|ont|aura)(?: \w+ly| already| bereits)? (\w+)"
)
BASED = _pattern(rf"(?<!\w){BASIS}(?!\w)")
DIRECTLY = _pattern(rf" (?:{THE} ?)?(?:\w+ )?(?:des |der |du |de la |del |de l')?$")
LOOKS = _pattern(
    r"(?<!\w)(?:check|review|verify|combin\w+|compile|summari[sz]e|merge|add up|price|total|compare|copy|adopt|pruf\w*|uberpruf\w*|"
    r"verifie\w*|revis\w*|comprueba\w*|resum\w*|راجع|لخص|تحقق|اجمع)(?!\w)"
)
FOR_THEM = _pattern(rf"(?:^|[\s])(?:{_FOR}) ?{THE}?$")
AT_END = _pattern(_END)

# Without a name: a definite thing that only another task of the plan makes.
_CHOSEN = _any(
    r"chosen|selected|final|finali[sz]ed|agreed|proposed|recommended|planned|resulting|approved|completed|confirmed|previous|other",
    r"gewahlte[nmrs]?|ausgewahlte[nmrs]?|festgelegte[nmrs]?|fertige[nmrs]?|endgultige[nmrs]?|geplante[nmrs]?|vorgeschlagene[nmrs]?|empfohlene[nmrs]?",
)
_AFTER_NOUN = (
    r"(?=\s*(?:[,.;:!?)،؛]|$)|\s+(?:to|and|of|for|in|with|as|is|are|by|und|et|y|um|für|fur|zu|pour|para|en|من|ثم|و)\b)"
)
THING = _pattern(
    rf"(?<!\w)(?:based (?:up)?on|using|use|according to|in line with|depending on|building on|given|following|follow|to match|to fit|from|reflecting|"
    rf"taking into account|auf basis|auf der grundlage|auf grundlage|basierend auf|aufbauend auf|anhand|gemass|entsprechend|ausgehend von|nutze|verwende|passend zu|passend zum|passend zur|"
    rf"a partir|selon|d'apres|en utilisant|en fonction|segun|basandote en|usando|con base en|teniendo en cuenta|sur la base) "
    rf"(?:the|this|that|der|die|das|des|dem|den|du|de la|de l'|del|le|la|les|el|los|las|l') ?(?:{_CHOSEN} )?(\w+)(?: (\w+))??{_AFTER_NOUN}"
    rf"|(?<!\w)(?:بناء علي|استنادا الي|وفقا|باستخدام|اعتمادا علي|حسب|في ضوء) (\w+)()(?=\s*(?:[,.،؛]|$)|\s+\w+)"
)
CHOSEN_THING = _pattern(rf"(?<!\w)(?:the|der|die|das|des|dem|den) {_CHOSEN} (\w+)")
DECIDED_THING = _pattern(
    rf"(?<!\w){_TEMPORAL} (?:the|der|die|das|le|la|les|l'|el|los|las) ?(\w+)(?: (?:[^\s,.;]+ ){{0,4}}?| ){_DECIDED}(?!\w)"
)
DECIDED_FIRST = _pattern(
    rf"(?<!\w)(?:una vez|une fois|tras|nach|after)(?: (?:der|the|la|l'))? ?(?:{_DECIDED}|auswahl|wahl|festlegung|fertigstellung|selection|choice|confirmation|eleccion|choix) "
    rf"(?:of the|des|der|el|la|los|las|le|les|du|de la|del) ?(\w+)"
)
DECIDED_AR = _pattern(r"(?:بعد|فور|بمجرد) (?:ان )?(?:يتم )?(?:تحديد|اختيار|اعتماد|اقرار|تاكيد|معرفه) (\w+)")
THINGS = (THING, DECIDED_THING, DECIDED_FIRST, CHOSEN_THING)
THINGS_ARABIC = (THING, DECIDED_AR)
_THINGS = (
    r"(?:results?|findings?|outputs?|analysis|analyses|conclusions?|recommendations?|contributions|estimates|answers)"
)
UNSAID = _pattern(  # at the very start of a task, "the findings" have been found by somebody else
    rf"(?:(?:summari[sz]e|combine|compile|merge|consolidate|integrate|synthesi[sz]e|present|turn|use|using|based on|review|write up|join|collect|gather|edit|take|from)"
    rf" (?:all )?(?:of )?(?:the|these|those|all) (?:\w+ )?{_THINGS}(?:{_END}|(?= (?:in|into|to|and|as|for a|for the final)\b)))"
    rf"|(?:fasse|kombiniere|fuhre|bundle|nutze|prufe|verdichte) (?:die|alle|samtliche) (?:\w+ )?(?:ergebnisse|erkenntnisse|resultate|teilergebnisse|beitrage)(?:{_END}| (?:in|zu|zusammen|und)\b)"
    rf"|(?:resume|synthetise|combine|rassemble|reunis|integre) (?:tous )?les (?:resultats|conclusions|contributions)(?:{_END}| (?:en|dans|pour|et)\b)"
    rf"|(?:resume|combina|integra|reune|sintetiza) (?:todos )?l[oa]s (?:resultados|conclusiones|aportaciones)(?:{_END}| (?:en|para|y)\b)"
    rf"|(?:لخص|اجمع|ادمج) (?:جميع |كل )?(?:النتائج|المخرجات)(?:{_END}| (?:في|ضمن)\b)"
)
_PEOPLE = r"(?:specialists?|subtasks?|tasks?|steps?|workers?|experts?|agents?|team members?|teams|colleagues|contributors|roles|sections|parts)"
OTHERS = tuple(
    _pattern(_any(*lines))
    for lines in (
        (
            rf"\b(?:other|previous|earlier|preceding|prior|above|remaining|fellow) {_PEOPLE}\b",
            r"\b(?:first|second|third|last|two|three|four) (?:other |previous |first )?(?:subtasks?|specialists?|workers?|agents?|experts?)\b",
            r"\b(?:above|previous|earlier|preceding|aforementioned|others'|everyone's|everybody's|everyone else's|team's|teams'|specialists'|experts') (?:\w+ )?"
            + RESULT
            + r"\b",
            rf"\b{_THINGS} (?:from )?(?:above|so far|of (?:all|the) (?:the )?(?:others|specialists|experts|team|teams|subtasks|tasks|workers)|of everyone)\b",
            r"\b(?:all|each|every) (?:of )?(?:the )?(?:other )?(?:specialists?|subtasks?|experts|workers|agents)(?:'s?|s')?\b",
            r"\b(?:of|from|by) (?:everyone|everybody|all the others|the others)\b|\bthe others (?:have|did|do|write|produce|deliver|find|found)\b|\bothers' ",
            r"\b(?:what|everything) (?:the )?(?:others|team|other specialists|everyone) (?:has|have|did|produce\w*|deliver\w*|wrote|find|found)\b",
        ),
        (
            r"\b(?:vorherig\w*|vorangegangen\w*|vorangehend\w*|obig\w*|ander(?:e|en|er)|vorig\w*|ubrig\w*|bisherig\w*|vorliegend\w*) (?:\w+ )?(?:ergebniss\w*|(?:teil)?aufgaben?\b|schritt\w*|spezialist\w*|expert\w*|fachleute\w*|beteiligt\w*|erkenntniss\w*|beitrag\w*|teammitglied\w*|analys\w*)",
            r"\b\w*(?:plane|ergebnisse|arbeit|berichte|listen|vorschlage|resultate) (?:der|von) anderen\b(?! \w+(?:verein|stadt))",
            r"\bergebniss\w* (?:der|des|aus der|aus den|von|aller) (?:ander\w*|vorherig\w*|vorig\w*|obig\w*|beteiligt\w*|spezialist\w*|experten|teilaufgaben|allen)",
            r"\b(?:alle[rn]?|samtliche[rn]?) (?:ander\w+ )?(?:teilaufgaben|spezialisten|experten|teilergebnisse|beteiligten)\b",
        ),
        (
            r"\b(?:resultats?|analyses?|taches?|etapes?|travaux|conclusions?|donnees|sous-taches?) (?:precedente?s?|ci-dessus|anterieure?s?|des autres)\b",
            r"\b(?:des|les|aux) autres (?:specialistes|experts|taches|sous-taches|intervenants|equipes|membres)\b|\btravail des autres\b|\btoutes les (?:autres )?(?:sous-)?taches\b|\btous les (?:specialistes|experts)\b",
            r"\b(?:resultados?|analisis|tareas?|subtareas?|pasos?|hallazgos?|trabajo) (?:anterior(?:es)?|previ[oa]s?|de los demas|de los otros|precedentes?)\b",
            r"\b(?:planes|resultados|trabajos?|informes|listas|propuestas) de (?:los|las) (?:demas|otros|otras)\b|\b(?:plans|resultats|travail|travaux|rapports|listes|propositions) des autres\b(?! (?:villes|pays))",
            r"\b(?:de )?(?:los|las) (?:demas|otros|otras) (?:especialistas|expertos|tareas|subtareas|equipos|agentes)\b|\btodas las (?:demas |otras )?(?:sub)?tareas\b|\btodos los (?:especialistas|expertos)\b",
        ),
        (
            "(?:上述|前述|以上|前面|上面|之前|上一步|前一|前两|前三|前几|其他|其它|其余|各)(?:个|项|位|步|各|所有)?(?:项|位|个)?(?:的)?(?:专家|任务|子任务|步骤|人|成员|部分|方)?(?:们)?(?:的|所)?(?:全部|所有)?(?:结果|分析|任务|方案|报告|数据|发现|研究|步骤|成果|结论|建议|工作|输出)",
            "(?:其他|其它|其余|各位|所有)(?:的)?(?:专家|子任务|任务|成员|负责人|工作者)(?:们)?(?:的|给出|提供)",
            "(?:前の|他の|以前の|先の|ほかの|各)(?:すべての)?(?:タスク|担当者?|専門家|作業|メンバー|ステップ)(?:たち)?(?:の|が)",
            "(?:上記|前述|これまで|以上)の(?:結果|分析|報告|内容|調査|提案|計画)",
        ),
        (
            "(?:نتائج|مخرجات|اعمال|عمل|تقارير|خطط|ما توصل اليه|نتيجه) (?:جميع |كل |بقيه )?(?:المهام|المهمه|الخبراء|المختصين|المتخصصين|الاخرين|السابقه|الفريق)",
            "(?:المهام|المهمه|الخطوه|الخطوات|النتائج|المخرجات|التحليلات) (?:الفرعيه )?(?:السابقه|الاخري|اعلاه|المذكوره اعلاه)",
            "(?:الخبراء|المختصون|المختصين|المتخصصين|المتخصصون|الزملاء) (?:الاخرون|الاخرين)|(?:بقيه|باقي|سائر) (?:الخبراء|المهام|المختصين|الفريق)",
        ),
    )
)
NUMBERED = _pattern(
    _any(
        r"\b(?:sub[ -]?tasks?|teilaufgaben?|unteraufgaben?|sous-taches?|subtareas?) ?(?:no\.? |nr\.? |number |nummer |n° |num\.? )?#?(\d{1,3})\b",
        r"\b(?:first|second|third|fourth|fifth|previous|last|other|erste[nrs]?|zweite[nrs]?|dritte[nrs]?|premiere|deuxieme|primera|segunda) (?:sub[ -]?tasks?|teilaufgabe|sous-tache|subtarea)\b",
        "子任务 ?(\\d{1,3}|[一二三四五六七八九])|第 ?(?:\\d{1,3}|[一二三四五六七八九]) ?(?:个|项)?子?任务|サブタスク ?(\\d{1,3})",
        r"المهمه الفرعيه (?:رقم )?(\d{1,3}|\w+)",
    )
)
# Numbers that also number other things ("step 1 of the recipe", "S3" the storage) need words of use around them.
LOOSELY_NUMBERED = _pattern(
    _any(
        r"(?<!\w)(?:us(?:e|es|ing)|based on|according to|from|after|see|follow\w*|basis|grundlage|anhand|nutze|verwende|mit|nach|aus|a partir|selon|segun|base|basandote) (?:\w+ ){0,5}?(?:s|task |tasks |step |aufgabe |schritt |tache |etape |tarea |paso )(\d{{1,3}})\b(?! (?:bucket|storage|line|train))",
        rf"\b{RESULT} (?:of|from|aus|von|der|de la|de|des) (?:s|task |tasks |step |aufgabe |schritt |tache |etape |tarea |paso )(\d{{1,3}})\b",
        r"\b(?:s|task |step )(\d{1,3})'s? ",
        "(?:根据|根據|基于|基於|依据|使用|利用|参考|按照|结合|等待?|待)[^，。,；]{0,6}(?:任务|任務|步骤|步驟) ?(\\d{1,3}|[一二三四五六七八九])|(?:任务|步骤) ?(\\d{1,3}|[一二三四五六七八九])的?(?:结果|输出|数据|方案|成果)",
        "タスク ?(\\d{1,3})(?:の|に基づ|を使|で)",
        r"(?:نتائج|نتيجه|مخرجات|بناء علي|استنادا الي|بعد|باستخدام|وفقا ل) ?(?:\w+ )?(?:ل?المهمه|ل?الخطوه|ل?لمهمه) (?:رقم )?(?:\d{1,3}|الاولي|الثانيه|الثالثه|الرابعه)",
    )
)

# What turns a mention round: the task leaves the other's work alone, or works from an assumption of its own.
NOT = _pattern(
    _any(
        r"\b(?:leav(?:e|es|ing)|exclud(?:e|es|ing)|except|without|not|don't|never|no need|ignor(?:e|es|ing)|omit\w*|outside|beyond|belongs?|separate(?:ly)?|rather than|instead of|apart from|independent(?:ly)? (?:of|from)|regardless of|avoid\w*|skip\w*|overlap\w*",
        r"assum(?:e|es|ing)|suppos(?:e|ing)|handled|covered|dealt with|are for|is for|reserve\w*|so that|left|stops? (?:where|before)|hand(?:s|ed)? (?:it|them|over|on))\b",
        r"\b(?:ohne|nicht|kein\w*|ausser|lass\w*|uberlass\w*|klammere|ausgenommen|abgesehen|nimm an|nehme? an|geh davon aus|angenommen|unabhangig von|gehort|sache des|sache der|statt|rechne mit)\b",
        r"\b(?:sans|sauf|excepte|hormis|laisse\w*|ne t'occupe pas|ne traite pas|hors|suppos\w+|independamment|pas|revient au|revient a)\b",
        r"\b(?:sin|excepto|salvo|deja\w*|no incluy\w+|no|supon\w*|independientemente|corresponde\w*|asum\w+)\b",
        "不要|不需|不必|不用|不包括|不含|不涉及|不考虑|不写|无需|勿|除了|除外|留给|交给|假设|假定|独立于|负责(?!人)|以外|無需|不得|避免",
        "含めない|含めません|任せ|除く|除き|仮定|と想定|独立して|触れない|対象外|ないこと|担当です|扱わない",
        r"(?<!\w)(?:دون|بدون|باستثناء|عدا|لا|اترك|اتركه|افترض|بافتراض|بمعزل عن|مستقل\w* عن|يتولاه|تجنب|من اختصاص)(?!\w)",
    )
)
LIMIT = _pattern(
    _any(
        r"without (?:exceed\w+|going over)|no(?:t)? more than|not exceed\w*|sin (?:superar|exceder|pasar)|sans depasser|ohne \w+ zu uberschreiten|nicht mehr als|لا (?:ت|ي)?(?:زيد|تجاوز)\w*|不超过|不得超过|no mas de|pas plus de"
    )
)
NOT_AFTER = _pattern(
    _any(
        r"\b(?:leave (?:it|them|that|those) (?:out|aside|alone|to)|left out|'s (?:job|business|part|task|responsibility|concern|side)|is (?:handled|covered|done) (?:by|elsewhere)|not (?:part|included|covered))\b",
        r"\b(?:weglassen|auslassen|bleib\w* (?:aussen vor|weg)|gehor\w* nicht|nicht teil|ist sache|lass\w* .{0,20}weg)\b",
        r"\b(?:ne pas inclure|n'en fait pas partie|no forma parte|no lo incluyas|queda fuera)\b|不(?:包括|在此|属于|用考虑)|不在(?:此|范围)|除外|対象外|含めません|含めない|لا تتناول|خارج النطاق",
    )
)
ASKED = _pattern(
    _any(
        r"\b(?:in|from|by|of|to) (?:the|this|your) (?:request|brief|goal|question|prompt)\b|\b(?:as|given|stated|named|mentioned) (?:in the )?(?:request|brief)\b",
        r"\b(?:anfrage|auftrag|fragestellung|la demande|la solicitud|la peticion|el encargo)\b|请求中|需求中|要求中|题目中|依頼に|依頼文|في الطلب|الطلب نفسه",
    )
)

# Scripts without spaces: the same, by substring.
ZH_BASIS = "(?:根据|根據|基于|基於|依据|依據|使用|利用|参考|參考|参照|按照|依照|结合|結合|针对|针對|围绕|配合|沿用|采用|汇总|整合|审查|检查|核对|总结)"
ZH_HANDS = "(?:给出|提供|确定|選定|选定|制定|拟定|提出|设计|安排|推荐|估算|决定|完成|计算|选择|得出|编写|撰写|列出|规划|挑选|整理|调查|分析|定下|发现)"
ZH_AFTER_NAME = _pattern(f"(?:团队|部门|方面)?(?:所)?(?:的|{ZH_HANDS})")
ZH_BEFORE_NAME = _pattern(f"(?:{ZH_BASIS}|等待?|待|一旦|在|由|当)[^，。；、,;]{{0,10}}$")
ZH_USES = _pattern(f"{ZH_BASIS}[^，。；,;]{{0,10}}$")
ZH_WAITS = _pattern(
    "[^，。；,;]{0,16}(?:(?:确定|选定|敲定|完成|决定|给出|提供|定下|选好|出来|制定|拟定)[^，。；,;]{0,10}(?:后|时)|之后|以后)"
)
ZH_HANDED = _pattern(f"(?:已经?|所)?{ZH_HANDS}(?:好|完|了|出)?的")
ZH_RESULT_NEXT = _pattern("的?(?:方案|计划|结果|清单|报告|预算|分析|数据|建议|结论|设计|安排|数字|估算|成果|名单)")
ZH_THING = _pattern(
    f"{ZH_BASIS}(?:最终|已?选定的|已?确定的|上述|这份|该|所选的?)?([\u4e00-\u9fff]{{2,8}}?)(?:的(?:结果|内容|安排)|，|,|、|。|$|(?=安排|制定|设计|编写|撰写|规划|列出|计算|估算|准备|采购|推荐|选择|写|给出|确定))"
)
ZH_DECIDED = _pattern(
    "([\u4e00-\u9fff]{2,10}?)(?:已经|一旦)?(?:确定|选定|敲定|定稿|定下来?|决定|出来|完成|选好|确认)了?(?:之|以)?后"
)
ZH_CHOSEN = _pattern("(?:选定|确定|敲定|定稿|所选|推荐)的([\u4e00-\u9fff]{2,4})")
JA_AFTER_NAME = _pattern(
    "(?:さん)?(?:の|が|による)[^。、]{0,14}(?:に基づ|を使|を用い|をもとに|を元に|を基に|を踏まえ|を参考|に合わせ|に沿っ|に従|を確認|をまとめ|によると|を受け|(?:決め|選ん|提案し|作成し|作っ|書い|示し|考え|計画し|設計し|挙げ|出し|算出し|推薦し|選定し|見積もっ)た|(?:決め|選び|作り|終え|完成し)(?:たら|てから|た後))"
)
JA_THING = _pattern(
    "([\u30a0-\u30fe\u4e00-\u9fff]{2,8})(?:に基づ|をもとに|を元に|を基に|を踏まえ|に合わせて|に沿って|に従って|によると|を受けて)"
)
JA_DECIDED = _pattern(
    "([\u30a0-\u30fe\u4e00-\u9fff]{2,8})(?:が|を)(?:(?:決まっ|確定し|完成し|選ばれ|決定し|決定され|固まっ|決め|選ん)(?:たら|た後|てから|たあと)|(?:決まり|決定し?|確定し?|完成し?)(?:次第|後))"
)
THINGS_UNSPACED = (ZH_THING, ZH_DECIDED, ZH_CHOSEN, JA_THING, JA_DECIDED)
