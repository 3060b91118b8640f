"""The texts that the language model is trained on: which sources there are, and how each of their formats is read.

Used by scripts/train-language. A source's reader yields (language, text); languages are labels of the model (LABELS), texts are as
they stand in the source but for markup, placeholders and addresses. Nothing of them is kept in the project. Python's own library."""
import glob
import gzip
import html
import json
import os
import re
import struct

LABELS = set(
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gu he hi hr hu hy id is it ja ka kk km kn ko ky la lg lo"
    " lt lv mi mk ml mn mr ms my ne nl no or pa pl ps pt ro ru si sk sl sn so sq sr st sv sw ta te th tl tn tr ts ug uk ur uz vi xh"
    " yo zh zu".split())
# Codes that are another label's, or (None) in a script that the label's language is hardly written in today.
OTHER_CODES = {
    "nb": "no", "nn": "no", "fil": "tl", "iw": "he", "mo": "ro", "zlm-Latn": "ms", "el-polyton": None, "be@latin": None,
    "be-tarask": None, "az-Cyrl": None, "bs-Cyrl": None, "ug-Latn": None, "vi-Hani": None, "tl-Tglg": None, "mn-Mong": None,
    "zlm-Arab": None, "en@shaw": None, "ang@latin": None, "kk-Arab": None, "hi-Latn": None, "pa-Arab": None, "pa_PK": None,
    "en-Shaw": None, "en-Dsrt": None, "az-Arab": None, "uz-Arab": None, "ms-Arab": None, "fa-AF": None,
}

# Debian packages: name, version that the shipped model was trained with, licence of what is read, source, reader, files ({} is the
# language's code).
DEBIAN = [
    ("gnome-user-docs", "43.0-2", "CC BY-SA 3.0", "gnome", "pages", "usr/share/help/{}/**/*.page"),
    ("debian-handbook", "11.20220922", "GPL-2+ or CC BY-SA 3.0", "handbook", "pages", "usr/share/doc/debian-handbook/html/{}/*.html"),
    ("installation-guide-amd64", "20230508+deb12u1", "GPL-2+", "guide", "pages", "usr/share/doc/installation-guide-amd64/{}/*.html"),
    ("wesnoth-1.16-data", "1:1.16.9-1", "GPL-2+", "wesnoth", "catalogues", "usr/share/games/wesnoth/1.16/locale/{}/LC_MESSAGES/*.mo"),
    ("freeciv-data", "3.0.6-1+deb12u1", "GPL-2+", "freeciv", "catalogues", "usr/share/locale/{}/LC_MESSAGES/*.mo"),
    ("gramps", "5.1.5-1", "GPL-2+", "gramps", "catalogues", "usr/share/locale/{}/LC_MESSAGES/*.mo"),
    ("iso-codes", "4.15.0-1", "LGPL-2.1+", "names", "catalogues", "usr/share/locale/{}/LC_MESSAGES/iso_3166-*.mo"),
    ("iso-codes", "4.15.0-1", "LGPL-2.1+", "names", "catalogues", "usr/share/locale/{}/LC_MESSAGES/iso_639-2.mo"),
    ("edict", "2021.02.03-1", "CC BY-SA 3.0 (EDRDG)", "words", "edict", "usr/share/edict/edict"),
    ("rime-data-pinyin-simp", "0.0~git20230104.52b9c75-1", "Apache-2.0", "words", "weighed:zh", "usr/share/rime-data/pinyin_simp.dict.yaml"),
    ("rime-essay", "0.0~git20230204.e0519d0-1", "LGPL-3", "words", "weighed:zh", "usr/share/rime-data/essay.txt"),
    ("wamerican", "2020.12.07-2", "SCOWL (free, see its copyright file)", "words", "list:en", "usr/share/dict/american-english"),
    ("wbritish", "2020.12.07-2", "SCOWL (free, see its copyright file)", "words", "list:en", "usr/share/dict/british-english"),
    ("wbrazilian", "3.0~beta4-24", "GPL-2", "words", "list:pt", "usr/share/dict/brazilian"),
    ("wportuguese", "20220621-1", "GPL-2+, LGPL-2.1+ or MPL-1.1", "words", "list:pt", "usr/share/dict/portuguese"),
    ("wbulgarian", "4.1-7", "GPL-2", "words", "list:bg", "usr/share/dict/bulgarian"),
    ("wcatalan", "0.20111230b-14", "GPL-2+", "words", "list:ca", "usr/share/dict/catalan"),
    ("wdanish", "1.6.36-14", "GPL-2+", "words", "list:da", "usr/share/dict/danish"),
    ("wdutch", "1:2.20.19-2", "BSD or CC BY 3.0", "words", "list:nl", "usr/share/dict/dutch"),
    ("wfrench", "1.2.7-2", "GPL-2+", "words", "list:fr", "usr/share/dict/french"),
    ("witalian", "1.10", "GPL-3+", "words", "list:it", "usr/share/dict/italian"),
    ("wngerman", "20161207-11", "GPL-2+", "words", "list:de", "usr/share/dict/ngerman"),
    ("wnorwegian", "2.2-4", "GPL-2+", "words", "list:no:latin1", "usr/share/dict/bokmaal"),
    ("wnorwegian", "2.2-4", "GPL-2+", "words", "list:no:latin1", "usr/share/dict/nynorsk"),
    ("wpolish", "20220301-1", "GPL-2, LGPL-2.1, MPL-1.1, Apache-2.0 or CC BY 4.0", "words", "list:pl", "usr/share/dict/polish"),
    ("wspanish", "1.0.30", "GPL-2", "words", "list:es", "usr/share/dict/spanish"),
    ("wswedish", "1.4.5-3", "GPL-2+", "words", "list:sv:latin1", "usr/share/dict/swedish"),
    ("wukrainian", "1.8.0+dfsg-1", "GPL-2 or LGPL-2", "words", "list:uk", "usr/share/dict/ukrainian"),
]
DEBIAN += [(name, version, licence, "words", "inflected", f"usr/share/hunspell/{stem}.dic") for name, version, licence, stem in [
    ("hunspell-af", "1:7.5.0-1", "LGPL-2.1+", "af_ZA"),
    ("hunspell-ar", "3.2-1.2", "GPL-2, LGPL-2.1 or MPL-1.1", "ar"),
    ("hunspell-be", "0.53-3.1", "CC BY-SA 4.0 or LGPL-3", "be_BY"),
    ("hunspell-bs", "1:7.5.0-1", "GPL-2+, LGPL-2.1+ or MPL-1.1", "bs_BA"),
    ("hunspell-cs", "1:7.5.0-1", "GPL-2", "cs_CZ"),
    ("hunspell-eu", "5.1-4", "LGPL-3+", "eu"),
    ("hunspell-hi", "1:7.5.0-1", "GPL-2+", "hi_IN"),
    ("hunspell-hr", "1:7.5.0-1", "LGPL or SISSL", "hr_HR"),
    ("hunspell-hu", "1:7.5.0-1", "GPL-3+, LGPL-3+ or MPL-2.0", "hu_HU"),
    ("hunspell-id", "1:7.5.0-1", "LGPL-3", "id_ID"),
    ("hunspell-is", "1:7.5.0-1", "CC BY-SA 3.0", "is_IS"),
    ("hunspell-kk", "1.1-3", "GPL-2+, LGPL-2.1+ or MPL-1.1+", "kk_KZ"),
    ("hunspell-lt", "1:7.5.0-1", "BSD-3-clause", "lt_LT"),
    ("hunspell-lv", "1.4.0-4", "LGPL-2.1+", "lv_LV"),
    ("hunspell-mn", "1:7.5.0-1", "free, see its copyright file", "mn_MN"),
    ("hunspell-ne", "1:7.5.0-1", "LGPL-2.1", "ne_NP"),
    ("hunspell-ro", "1:7.5.0-1", "GPL-2, LGPL-2.1 or MPL-1.1", "ro_RO"),
    ("hunspell-ru", "1:7.5.0-1", "BSD-like", "ru_RU"),
    ("hunspell-sk", "1:7.5.0-1", "GPL-2, LGPL-2.1 or MPL-1.1", "sk_SK"),
    ("hunspell-sl", "1:7.5.0-1", "GPL or LGPL", "sl_SI"),
    ("hunspell-sr", "1:7.5.0-1", "GPL-2+, LGPL-2.1 or MPL-1.1", "sr_Latn_RS"),
    ("hunspell-sr", "1:7.5.0-1", "GPL-2+, LGPL-2.1 or MPL-1.1", "sr_RS"),
    ("hunspell-sw", "1:7.5.0-1", "LGPL-2.1+", "sw_TZ"),
    ("hunspell-tr", "1:7.5.0-1", "MPL-2.0", "tr_TR"),
    ("hunspell-vi", "1:7.5.0-1", "GPL-2", "vi_VN"),
    ("myspell-eo", "2.1.2000.02.25-61", "GPL-2+", "eo"),
    ("myspell-et", "1:20030606-32", "LGPL-2.1", "et_EE"),
    ("myspell-fa", "0.20070816-3.2", "GPL-2+", "fa_IR"),
    ("myspell-ga", "2.0-27.1", "GPL-3", "ga_IE"),
    ("myspell-hy", "0.20.0-2.2", "GPL-2", "hy_AM"),
    ("myspell-sq", "1.6.4-1.2", "GPL-2+", "sq_AL"),
    ("myspell-tl", "0.4-0-22", "GPL-2+", "tl"),
]]
# Translated package descriptions: what `apt-get update` fetches for these languages. Each under its package's licence.
DESCRIPTIONS = "cs da de en es fi fr hu it ja ko nl pl pt pt_BR ru sk sr sv uk zh_CN zh_TW".split()
NPM = [  # Unicode licence v3: names of languages, territories, days, months, time zones
    ("cldr-localenames-full", "48.2.0", "Unicode-3.0", "cldr"),
    ("cldr-dates-full", "48.2.0", "Unicode-3.0", "cldr"),
]
CLDR_FILES = "languages territories ca-gregorian dateFields timeZoneNames".split()
CLDR_VARIANTS = {"sr-Latn", "pt-PT", "zh-Hant", "en-GB", "es-MX"}  # of a language's further forms only these


def label_of(code):
    """The label of a locale's code ("pt_BR", "sr@latin"), or None when the model has none."""
    if code in OTHER_CODES:
        return OTHER_CODES[code]
    code = re.split(r"[-_@.]", code)[0]
    code = OTHER_CODES.get(code, code)
    return code if code in LABELS else None


# ---- text ----

NOISE = re.compile(r"<[^<>]{1,300}>|%\d*\$?[-+0-9.]*l?[a-zA-Z]|\$[\w{}.|]+|\{[^{}]*\}|\[/?[a-z_]+\]|&[a-z]+;|https?://\S+|\S+@\S+"
                   r"|\S*[/\\=]\S*|\*[A-Z]+\*|\^")
SENTENCE_END = re.compile(r"(?<=[.!?。！？।։።؟])\s+")


def cleaned(text):
    text = html.unescape(text).replace("\\n", " ").replace("_", "").replace("&", "")
    return " ".join(NOISE.sub(" ", text).split())


def sentences(text):
    return [s for s in SENTENCE_END.split(cleaned(text)) if s]


# ---- readers: each yields (language, text) ----


def catalogue(path):
    """Pairs (original, translation) of a .mo file (GNU gettext manual, "The Format of GNU MO Files")."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if struct.unpack("<I", data[:4])[0] == 0x950412DE else ">"
    count, originals, translations = struct.unpack(order + "III", data[8:20])

    def text(table, i):
        size, at = struct.unpack_from(order + "II", data, table + 8 * i)
        return data[at:at + size].split(b"\0")[0].split(b"\4")[-1].decode("utf-8", "replace")

    for i in range(count):
        original = text(originals, i)
        if original:
            yield original, text(translations, i)


def read_catalogues(files):
    originals = set()
    for code, path in files:
        label = label_of(code)
        for original, translation in catalogue(path) if label else ():
            originals.add(original)
            if original != translation or label == "en":
                yield from ((label, s) for s in sentences(translation))
    for original in sorted(originals):
        yield from (("en", s) for s in sentences(original))


CODE = re.compile(r"<(code|pre|script|style|tt|input|cmd|kbd|literal|acronym)\b[^>]*>.*?</\1>", re.S | re.I)
BLOCK = re.compile(r"<(?:p|li|td|th|h\d|title|desc|dd|dt|item)\b[^>]*>(.*?)"
                   r"(?=</?(?:p|li|td|th|h\d|title|desc|dd|dt|div|pre|ul|ol|table|item|steps|section)\b)", re.S | re.I)


def decoded(data):
    charset = re.search(rb'charset=["\']?([\w-]+)', data[:2000])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(charset.group(1).decode() if charset else "latin1", "replace")


def read_pages(files):
    """HTML and Mallard pages, without what is code."""
    for code, path in files:
        label = "en" if code == "C" else label_of(code)
        if not label:
            continue
        with open(path, "rb") as f:
            text = CODE.sub(" ", decoded(f.read()))
        for block in BLOCK.finditer(text):
            yield from ((label, s) for s in sentences(re.sub(r"<[^>]*>", "", block.group(1))))


def read_list(files, label, encoding="utf-8"):
    for _, path in files:
        with open(path, encoding=encoding, errors="replace") as f:
            for line in f:
                if line.strip() and not line.rstrip().endswith("'s"):
                    yield label, line.strip()


def read_edict(files):
    for _, path in files:
        with open(path, encoding="euc-jp", errors="ignore") as f:
            yield from (("ja", line.split(" ")[0]) for line in f if "/(P)/" in line)


def read_weighed(files, label, least=200):
    """Lines of a word, what else there is, and how often the word is met, parted by tabs."""
    for _, path in files:
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                cells = line.rstrip("\n").split("\t")
                if len(cells) > 1 and cells[-1].isdigit() and int(cells[-1]) >= least:
                    yield label, cells[0]


class Affixes:
    """The rules of a hunspell dictionary, as far as they make words out of words (hunspell(5)): one affix at a time."""

    def __init__(self, path):
        with open(path, "rb") as f:
            raw = f.read()
        charset = re.search(rb"^SET\s+(\S+)", raw, re.M)
        self.encoding = charset.group(1).decode().replace("ISO8859", "iso8859") if charset else "utf-8"
        self.aliases, self.rules, self.flags = [], {}, "char"
        for line in raw.decode(self.encoding, "replace").splitlines():
            c = line.split()
            if not c:
                continue
            if c[0] == "FLAG":
                self.flags = c[1]
            elif c[0] == "AF":
                self.aliases.append(c[1])
            elif c[0] in ("SFX", "PFX") and len(c) >= 5:
                self.add(c)
        self.aliases = self.aliases[1:]  # the first line of the table is its length

    def add(self, c):
        suffix, strip, affix = c[0] == "SFX", "" if c[2] == "0" else c[2], c[3].split("/")[0]
        try:
            fits = re.compile(f"(?:{c[4]})$" if suffix else f"^(?:{c[4]})")
        except re.error:
            return
        self.rules.setdefault(c[1], []).append((suffix, strip, "" if affix == "0" else affix, fits))

    def flags_of(self, text):
        if self.aliases and text.isdigit():
            text = self.aliases[int(text) - 1] if 0 < int(text) <= len(self.aliases) else ""
        if self.flags == "long":
            return [text[i:i + 2] for i in range(0, len(text) - 1, 2)]
        return text.split(",") if self.flags == "num" else list(text)

    def forms(self, word, flags, random, most=8):
        rules = [r for flag in self.flags_of(flags) for r in self.rules.get(flag, ())]
        forms = []
        for suffix, strip, affix, fits in random.sample(rules, min(len(rules), 3 * most)):
            if not fits.search(word) or not (word.endswith(strip) if suffix else word.startswith(strip)):
                continue
            forms.append(word[:len(word) - len(strip)] + affix if suffix else affix + word[len(strip):])
        return [word] + forms[:most - 1]


def read_inflected(files, random):
    """A hunspell dictionary's words and some of their forms."""
    for _, path in files:
        label, affixes = label_of(os.path.basename(path)[:-4]), Affixes(path[:-4] + ".aff")
        with open(path, encoding=affixes.encoding, errors="replace") as f:
            for line in f:
                word, _, flags = line.split("\t")[0].strip().partition("/")
                word = word.split(" ")[0]
                if word and not word[0].isdigit():
                    yield from ((label, w) for w in affixes.forms(word, flags.split(" ")[0], random))


def read_descriptions(files):
    """Translated package descriptions, as apt keeps them: paragraphs parted by lines of one dot."""
    for code, path in files:
        label, lines = label_of(code), []
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                begins = line.startswith("Description-") and not line.startswith("Description-md5")
                if begins or not line.startswith(" ") or line.startswith((" .", "  ", " *", " -")):
                    yield from ((label, s) for s in sentences(" ".join(lines)))
                    lines = [line.split(": ", 1)[-1]] if begins else []
                if line.startswith(" ") and not line.startswith(" ."):
                    lines.append(line.strip(" *-\n"))


def leaves(tree):
    if isinstance(tree, str):
        yield tree
    for value in tree.values() if isinstance(tree, dict) else ():
        yield from leaves(value)


def read_cldr(folder):
    for path in sorted(glob.glob(folder + "/package/main/*")):
        code = os.path.basename(path)
        label = label_of(code)
        if not label or ("-" in code and code not in CLDR_VARIANTS):
            continue
        for name in CLDR_FILES:
            if not os.path.exists(f"{path}/{name}.json"):
                continue
            with open(f"{path}/{name}.json", encoding="utf-8") as f:
                tree = json.load(f)["main"][code]
            tree.pop("identity", None)
            for text in leaves(tree):
                text = re.sub(r"\{\d\}|[()]", " ", text)
                if len(text) > 3 and (re.search(r"\w{5}", text) or not re.search(r"[yMdhHmsEGB']{2,}|\d", text)):
                    yield label, " ".join(text.split())


def read_table(path, column, parts):
    """A table of (code, …, text): the Declaration of Human Rights (`parts`: its paragraphs in sentences), interface messages."""
    with gzip.open(path, "rt", encoding="utf-8") as f:
        next(f)
        for line in f:
            cells = line.rstrip("\n").split("\t")
            label = label_of(cells[0])
            for s in (sentences(cells[column]) if parts else [cleaned(cells[column])]) if label else ():
                yield label, s


# ---- sources ----


def files_of(root, pattern):
    """(code, path) of every file below `root` that `pattern` names, in order."""
    where = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\{\}", "([^/]+)")
    found = []
    for path in glob.glob(f"{root}/{pattern.replace('{}', '*')}", recursive=True):
        match = re.fullmatch(where, os.path.relpath(path, root))
        if match and os.path.isfile(path):
            found.append((match.group(1) if match.groups() else "", path))
    return sorted(found)


def texts_of_package(reader, files, random):
    kind, *more = reader.split(":")
    if kind == "list":
        return read_list(files, *more)
    if kind == "weighed":
        return read_weighed(files, *more)
    if kind == "inflected":
        return read_inflected(files, random)
    return {"catalogues": read_catalogues, "pages": read_pages, "edict": read_edict}[kind](files)


# ---- everyday words ----

# What customers open with and ask for in a word or two, which manuals and word lists hardly have. Written for this.
EVERYDAY = {
    "en": "hello, hi, hey, hi there, hello there, good morning, thanks, thank you, thank you so much, thx, please, yes, yes "
          "please, no, ok thanks, refund, refund please, order, my order, login, log in, login problem, password, reset password, "
          "help, help me, cancel, cancel order, delivery, tracking, invoice, charged twice, urgent, asap, agent, human please, "
          "complaint, return, exchange, out of stock, price, bye",
    "es": "hola, buenos días, buenas tardes, gracias, muchas gracias, por favor, sí, ayuda, reembolso, pedido, mi pedido, "
          "cancelar, urgente, contraseña, factura, entrega, devolución, adiós",
    "fr": "bonjour, bonsoir, salut, merci, merci beaucoup, s'il vous plaît, oui, non, aide, remboursement, commande, ma commande, "
          "annuler, mot de passe, facture, livraison, réclamation, au revoir",
    "de": "hallo, guten tag, guten morgen, danke, vielen dank, bitte, ja, nein, hilfe, erstattung, rückerstattung, bestellung, "
          "meine bestellung, stornieren, passwort, rechnung, lieferung, dringend, tschüss",
    "it": "ciao, buongiorno, buonasera, grazie, grazie mille, per favore, aiuto, rimborso, ordine, il mio ordine, annullare, "
          "fattura, consegna, reclamo, arrivederci",
    "pt": "olá, oi, bom dia, boa tarde, obrigado, obrigada, muito obrigado, por favor, sim, não, ajuda, reembolso, pedido, meu "
          "pedido, cancelar, senha, fatura, entrega, tchau",
    "nl": "hallo, goedemorgen, goedemiddag, dank je, bedankt, dank u wel, alstublieft, hulp, terugbetaling, bestelling, mijn "
          "bestelling, annuleren, wachtwoord, factuur, levering, klacht, dag",
    "pl": "cześć, dzień dobry, dziękuję, dzięki, proszę, tak, nie, pomoc, pomocy, zwrot, zwrot pieniędzy, zamówienie, moje "
          "zamówienie, anuluj, hasło, faktura, dostawa, reklamacja",
    "sv": "hej, hallå, god morgon, tack, tack så mycket, snälla, hjälp, återbetalning, beställning, min beställning, avbeställa, "
          "lösenord, faktura, leverans, klagomål, hejdå",
    "tr": "merhaba, selam, günaydın, teşekkürler, teşekkür ederim, lütfen, evet, hayır, yardım, iade, para iadesi, sipariş, "
          "siparişim, iptal, şifre, fatura, teslimat, kargo, şikayet",
    "vi": "xin chào, chào bạn, cảm ơn, cám ơn, vui lòng, giúp tôi, hoàn tiền, đơn hàng, đơn hàng của tôi, hủy đơn, mật khẩu, hóa "
          "đơn, giao hàng, khiếu nại, tạm biệt",
    "id": "halo, hai, selamat pagi, selamat siang, terima kasih, makasih, tolong, ya, tidak, bantuan, pengembalian dana, pesanan, "
          "pesanan saya, batalkan, kata sandi, tagihan, pengiriman, keluhan",
    "ru": "привет, здравствуйте, добрый день, спасибо, большое спасибо, пожалуйста, да, нет, помогите, возврат, возврат денег, "
          "заказ, мой заказ, отменить, пароль, счёт, доставка, жалоба, до свидания",
    "uk": "привіт, добрий день, доброго дня, дякую, дуже дякую, будь ласка, так, ні, допоможіть, повернення, повернення коштів, "
          "замовлення, моє замовлення, скасувати, пароль, рахунок, доставка, скарга",
    "ar": "مرحبا, السلام عليكم, صباح الخير, شكرا, شكرا جزيلا, من فضلك, نعم, لا, مساعدة, استرداد, استرداد المبلغ, طلب, طلبي, "
          "إلغاء, كلمة المرور, فاتورة, توصيل, شكوى",
    "hi": "नमस्ते, नमस्कार, धन्यवाद, शुक्रिया, कृपया, हाँ, नहीं, मदद, रिफंड, पैसे वापस, ऑर्डर, मेरा ऑर्डर, रद्द करें, पासवर्ड, "
          "बिल, डिलीवरी, शिकायत",
    "zh": "你好, 您好, 早上好, 谢谢, 谢谢您, 请问, 是的, 帮助, 退款, 订单, 我的订单, 取消, 密码, 发票, 送货, 快递, 投诉, 退货, 再见",
}


def read_everyday():
    for label, phrases in EVERYDAY.items():
        yield from ((label, phrase.strip()) for phrase in phrases.split(","))
