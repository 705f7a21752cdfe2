"""The words in which customers ask: one table for each thing that a line can do.

Patterns are matched against plain lines (see `listening.plain`), in which products stand as marks (`@ab`).
The tables hold English and nothing of any shop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """A comparative or superlative: "cheaper", "the lightest"."""

    measure: str
    direction: int
    extreme: bool


SCREEN = r"\b(?:on|to|onto|at) (?:my|the|our|a|your) (?:screen|phone|display|computer|tablet)\b"
PICTURE = r"\b(?:picture|photo|image|write ?up|page|summary|overview)s?\b"
_THING = r"(?:me|us|it|them|that|this|those|these|the|both|my|everything|all|@\S+)"
ACTS: tuple[tuple[str, str], ...] = (
    (
        "show",
        rf"\b(?:show|display|put|send|bring|get|pull|pop|see|have|write|need|want|"
        rf"like)\b.*(?:{SCREEN}|{PICTURE})|{SCREEN}$",
    ),
    (
        "show",
        rf"\b(?:show|display|present) {_THING}\b|\bpull {_THING} up\b|"
        rf"\bwrite {_THING}(?: \S+)* (?:up|down)\b|\bwrite up\b",
    ),
    (
        "show",
        r"\b(?:can|could|may|let|like to|love to|want to) (?:i |me |you |us )?(?:please )?(?:see|"
        r"look at) (?:it|them|that|those|the|both|a|some|these|this|what|@)",
    ),
    ("show", r"\bsend (?:me|us) (?:it|them|that|those|the|both|@|a link|details|the details|something)"),
    ("look", r"\bwhat (?:do|does|would) .*\blooks? like\b"),
    (
        "hide",
        r"\b(?:do not|no need to|not) (?:show|put|send)\b|\btake (?:it|that|them) off\b|"
        r"\bnot on (?:my|the) screen\b",
    ),
    (
        "add",
        r"\b(?:add|put)\b.*\b(?:cart|basket|bag please)\b|\badd (?:it|them|that|this|those|these|"
        r"the|both|a|\d|one|@)|\bi will take\b|\bi would take\b|\bi(?: would like|"
        r" want) to (?:buy|order|purchase)\b|\bi will (?:buy|order|have)\b|\blet us (?:take|"
        r"buy)\b|\bwe will take\b|\b(?:buy|order|purchase) (?:it|them|that|this|both|the|\d|@)|"
        r"\bcan i (?:buy|order|purchase)\b|\bcheck ?out\b",
    ),
    (
        "drop",
        r"\b(?:remove|delete|take out|drop)\b|\bforget (?:about )?(?:it|that|the|them|@)|"
        r"\bnever ?mind\b|\bcancel\b|\bscratch that\b",
    ),
    ("compare", r"\bcompar\w+|\bdifferences?\b|\bversus\b|\bvs\b|\bdiffer\b|\bbetter\b"),
    (
        "advise",
        r"\bwhich (?:one |of them )?(?:should|would|do) (?:i|we|you)\b|\bwhat would you (?:choose|"
        r"take|recommend|suggest)$|\byour (?:choice|favou?rite|advice)\b",
    ),
    ("why", r"^(?:but |and )?why\b(?! not)|\bwhat makes\b"),
    ("dislike", r"\bdo(?:es)? not (?:really )?(?:like|want|suit|fit)\b|\bnot (?:really )?what i\b"),
    (
        "others",
        r"\b(?:any|some|what) others?\b|\bthe others\b|\b(?<!the )other (?:ones?|options?|"
        r"choices?|models?|kinds?|tents?|bags?|stoves?|tables?|backpacks?)\b|\banother (?:one|"
        r"option)\b|\bsomething (?:else|different)\b|\bwhat else\b(?! do you)|\balternatives?\b|"
        r"\banything else (?:in|for)\b",
    ),
    (
        "describe",
        r"\btell (?:me|us) (?:more|something|a bit|a little|about)\b|\bmore about\b|\bdescribe\b|"
        r"\bdetails\b|\bwhat (?:is|are) (?:the )?(?:features|specs)|\bhow about (?:the )?@|"
        r"\bwhat about (?:the )?@|\bwhat is (?:the )?@",
    ),
    (
        "total",
        r"\btotal\b|\baltogether\b|\ball together\b|\btogether\b|\bin all\b|\bsum\b|\bfor both\b|"
        r"\bboth of them cost\b|\beverything cost\b",
    ),
    (
        "range",
        r"\bwhat (?:do you|else do you|can you|products|kinds? of (?:things|"
        r"products))\b.*\b(?:sell|have|offer|carry|products)\b|\bwhat .* do you (?:have|sell|"
        r"carry|offer)\b|\bwhich .* do you (?:have|sell|carry|offer)\b|"
        r"\bhow many .* do you (?:have|sell|carry)\b",
    ),
    (
        "bought",
        r"\bwhat (?:did|have) i (?:already )?(?:buy|bought|order|get)\b|\bmy (?:last|previous|"
        r"earlier) (?:purchase|order)s?\b|\bdid i (?:already )?buy\b|\bdo i (?:already )?(?:own|"
        r"have)\b",
    ),
    (
        "repeat",
        r"\brepeat\b|\bsay (?:that|it) again\b|\bpardon\b|\bwhat did you say\b|\bdid not (?:hear|"
        r"catch|get|understand)\b|\bcome again\b|\bone more time\b",
    ),
    (
        "human",
        r"\b(?:speak|talk) (?:to|with) (?:a |an |some )?(?:human|person|someone|somebody|manager|"
        r"agent|real|colleague|supervisor)|\breal person\b|\bhuman being\b|\byour (?:manager|"
        r"supervisor)\b",
    ),
    (
        "who",
        r"\bwho are you\b|\bwhat is your name\b|\bare you (?:a |an )?(?:robot|bot|machine|"
        r"computer|human|real|ai|person)|\bam i (?:talking|speaking) to\b",
    ),
    ("me", r"\bwhat is my name\b|\bdo you know (?:my name|me|who i am)\b|\bwho am i\b"),
    (
        "call",
        r"\b(?:call me|give me a call|ring me|phone me|call back|on the phone|by phone|(?:want|"
        r"like|have|need) a call)\b",
    ),
    (
        "upset",
        r"\b(?:ridiculous|unacceptable|terrible|awful|horrible|angry|furious|annoyed|upset|"
        r"frustrat\w+|fed up|useless|worst|disgrac\w+|waste of)\b",
    ),
    (
        "plan",
        r"\b(?:trip|vacation|holiday|holidays|journey|expedition|tour|trek|going (?:camping|"
        r"hiking|backpacking)|planning)\b|\b(?:i|we)(?: am| are)? (?:go|going) to "
        r"(?!be\b|rain|need|buy|take|get|have|use|sleep|see|look|do\b|put|show)",
    ),
    (
        "help",
        r"\bhelp\b|\bgifts?\b|\bpresent\b|\bwhat can you do\b|\bi do not know\b|\bnot sure\b|"
        r"\bno idea\b",
    ),
    ("thanks", r"\bthank\w*\b|\bthanks\b|\bcheers\b|\bappreciate\b"),
    (
        "bye",
        r"\b(?:good ?)?bye\b|\bthat (?:is|was|will be|would be) (?:all|it|everything)\b|"
        r"\bthat will do\b|\bnothing else\b|\bsee you\b|\bhave a (?:nice|good|great)\b|"
        r"\bi am (?:done|all set)\b|\bno more questions\b|\btalk (?:to you )?(?:soon|later)\b",
    ),
    (
        "like",
        r"\b(?:sounds?|looks?|that is|this is|it is|very) (?:very |really |just |so )?(?:good|"
        r"great|perfect|nice|lovely|fine|wonderful)\b|^(?:great|perfect|nice|lovely|wonderful|"
        r"excellent|good|cool|awesome)\b|\bi (?:really )?(?:like|love) (?:it|that|the|this|them|@)",
    ),
    (
        "yes",
        r"^(?:oh |well |um |uh |hmm |so |and )*(?:yes|yeah|yep|sure|okay|ok|of course|please do|go ahead|"
        r"certainly|absolutely|definitely|why not|right|correct|gladly|please)\b|\byes please\b|"
        r"\bgo ahead\b|\bdo that\b",
    ),
    ("no", r"^(?:oh |well |um |uh |hmm |so |and )*(?:no|nope|not now|not yet|not really|no thanks|rather not)\b"),
    ("greet", r"^(?:oh |well )*(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings)\b"),
    (
        "language",
        r"\b(?:speak|talk|in|switch to|parla\w*|sprechen|habla\w*|parlez) (?:to me in )?(?:german|"
        r"french|spanish|italian|dutch|portuguese|polish|japanese|chinese|deutsch|espanol|"
        r"francais)\b",
    ),
)
FIND = re.compile(
    r"\b(?:look(?:ing)? for|search\w*|needs?|wants?|would like|would love|interested in|"
    r"recommend\w*|suggest\w*|shopping for|"
    r"do you (?:have|sell|carry|stock|got)|have you (?:got)?|got any|are there|is there|"
    r"show (?:me|us) (?:some|a|an|another|your|other|all)|"
    r"find|prefer|must be|should be|has to be|give me|how about|what about|after)\b"
)
ERRANDS: tuple[tuple[str, str, str], ...] = (
    (
        "returns",
        r"\breturn(?!ing customer)\w*\b|\brefund\w*|\bsend (?:it|them) back\b|\bmoney back\b|"
        r"\bexchange\b",
        r"return|refund",
    ),
    ("the warranty", r"\bwarrant\w*|\bguarantee\w*|\brepairs?\b", r"warrant|guarantee|repair"),
    (
        "orders",
        r"\bmy order\b|\border (?:number|status)\b|\btrack\w*|\bwhere is my\b|\bcancel (?:my|the|"
        r"an) order\b",
        r"\border",
    ),
    ("delivery", r"\bship\w*|\bdeliver\w*|\barrive\b|\bhow (?:soon|long until)\b", r"ship|deliver"),
    (
        "discounts",
        r"\bdiscounts?\b|\bcoupons?\b|\bsales?\b|\bpromo\w*|\bdeals?\b|\bvouchers?\b|\b(?:cheaper|"
        r"lower) price for\b",
        r"discount|coupon|sale\b",
    ),
    ("what is in stock", r"\bin stock\b|\bavailab\w+|\bstock\b", r"stock|availab"),
    ("payment", r"\bpay\b|\bpaying\b|\bpayment\b|\bcredit card\b|\binstal\w+|\bpaypal\b", r"pay|card"),
    (
        "opening hours",
        r"\bopening hours\b|\bare you open\b|\bwhat time do you\b|\bwhen do you (?:open|close)\b|"
        r"\byour (?:store|shop|address)\b",
        r"open|hour|address",
    ),
    ("reviews", r"\breviews?\b|\bratings\b|\bstars\b", r"review|rating|stars"),
)
ORDERS: tuple[tuple[str, str, int, bool], ...] = (  # word, measure, direction, whether the extreme is meant
    (r"\b(?:cheapest|least expensive|lowest price\w*|most affordable)\b", "price", -1, True),
    (
        r"\b(?:cheaper|less expensive|more affordable|lower price\w*|costs? less|less money|"
        r"too (?:expensive|much|pricey)|spend less)\b",
        "price",
        -1,
        False,
    ),
    (r"\b(?:most expensive|best quality|top of the line|highest price)\b", "price", 1, True),
    (r"\b(?:more expensive|pricier|costs? more)\b", "price", 1, False),
    (r"\b(?:lightest|least heavy)\b", "weight", -1, True),
    (r"\b(?:lighter|less heavy|weighs? less|too heavy)\b", "weight", -1, False),
    (r"\bheaviest\b", "weight", 1, True),
    (r"\b(?:heavier|weighs? more)\b", "weight", 1, False),
    (r"\bwarmest\b", "temperature", -1, True),
    (r"\b(?:warmer|too cold|colder nights)\b", "temperature", -1, False),
    (r"\b(?:biggest|largest|roomiest)\b", "room", 1, True),
    (r"\b(?:bigger|larger|roomier|more (?:room|space)|too small)\b", "room", 1, False),
    (r"\bsmallest\b", "room", -1, True),
    (r"\b(?:smaller|too (?:big|large))\b", "room", -1, False),
)
PLACES = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "latter": 1, "third": 2, "last": -1}
FOREIGN = {
    "German": "ich suche ein eine einen das zelt und nicht mir bitte für wir brauche haben schlafsack kostet",
    "Spanish": "busco una tienda para hola cuanto cuesta quiero necesito por favor el los las gracias que saco dormir",
    "French": "je cherche une tente pour bonjour combien voudrais nous avons besoin merci les des est que sac avec",
    "Italian": "cerco una tenda per buongiorno quanto costa vorrei abbiamo bisogno grazie che sono della sacco",
}
GENERIC = frozenset(
    "recommendation advice refund question questions minute moment second gift present idea ideas "
    "suggestion suggestions information deal discount choice look break receipt order call person human "
    "manager trip vacation holiday gear equipment stuff product products item items thing things set size "
    "color one ones option options alternative way place people help hand price prices picture pictures "
    "photo photos page screen time more less it them that this those these something anything everything "
    "nothing me us you all both any some new good cheap family two four weekend summer winter summary "
    "write up details link minutes seconds return warranty few lot bit little kind sort money budget "
    "dollars nights night day days week weeks month kids children friends adults sleep camp hike travel "
    "go buy know see hear think be have get do make pounds kilos liters kilograms degrees problem trouble "
    "fun room space water rain snow cold warm hiking camping".split()
)
NAMED = re.compile(  # where a customer who says a name in capitals means a product, and no place or person
    r"(?i:\b(?:how much (?:is|are|does|do)|have|got|sell|carry|stock|tell me about|what about|how about|like|want|"
    r"need|buy|order|add|compare|show me|price of|cost of|weight of)|^(?:is|are|does|do)) (?i:(?:the|an?|your|any) )?"
    r"(?P<name>[A-Z][\w-]+(?: [A-Z][\w-]*)*)"
)
CALENDAR = frozenset(
    "january february march april may june july august september october november december monday tuesday "
    "wednesday thursday friday saturday sunday christmas easter celsius fahrenheit english german french spanish "
    "italian i".split()
)
