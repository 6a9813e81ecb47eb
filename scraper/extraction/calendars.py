"""Names of months and days in the languages of news pages, dates in other scripts, and the Jalali calendar."""

from __future__ import annotations

import re
from datetime import date

_MONTHS = (
    "january jan janvier janv enero ene januar jänner gennaio gen janeiro ocak января январь januari stycznia "
    "січня जनवरी ιανουαρίου ledna ianuarie януари ژانویه ژانویهٔ يناير جانفي",
    "february feb février févr fév fevrier febrero februar feber febbraio fevereiro şubat φεβρουαρίου února "
    "februarie февруари февраля февраль februari lutego лютого फरवरी फ़रवरी فوریه فوریهٔ فبراير شباط فيفري",
    "march mar mars marzo märz mrz março mart марта март maart marca березня मार्च μαρτίου března martie "
    "maret مارس مارچ آذار",
    "april apr avril avr abril aprile nisan апреля апрель kwietnia квітня अप्रैल απριλίου dubna aprilie април "
    "آوریل أبريل ابريل نيسان أفريل",
    "may mai mayo maggio maio mayıs мая май mei maja травня मई μαΐου května مه می مايو أيار ماي",
    "june jun juin junio juni giugno junho haziran июня июнь czerwca червня जून ιουνίου června iunie юни ژوئن "
    "يونيو حزيران جوان",
    "july jul juillet juil julio juli luglio julho temmuz июля июль lipca липня जुलाई ιουλίου července iulie "
    "юли ژوئیه ژوئیهٔ جولای يوليو تموز جويلية",
    "august aug août aout agosto ağustos августа август augustus sierpnia серпня अगस्त αυγούστου srpna "
    "augusti agustus اوت آگوست أغسطس آب أوت",
    "september sep sept septembre septiembre settembre setembro eylül сентября сентябрь септември septembrie "
    "września вересня सितंबर सितम्बर σεπτεμβρίου září سپتامبر سبتمبر أيلول",
    "october oct octobre octubre oktober okt ottobre outubro ekim октября октябрь октомври octombrie "
    "października жовтня अक्टूबर अक्तूबर οκτωβρίου října اکتبر أكتوبر",
    "november nov novembre noviembre novembro kasım ноября ноябрь ноември noiembrie listopada listopadu "
    "листопада नवंबर नवम्बर νοεμβρίου نوامبر نوفمبر",
    "december dec décembre déc decembre diciembre dezember dez dicembre dezembro aralık декабря декабрь "
    "декември decembrie desember grudnia грудня दिसंबर दिसम्बर δεκεμβρίου prosince دسامبر ديسمبر",
)
_PAIRED = {
    "كانون الثاني": 1, "كانون ثاني": 1, "تشرين الأول": 10, "تشرين أول": 10, "تشرين الثاني": 11, "تشرين ثاني": 11,
    "كانون الأول": 12, "كانون أول": 12,
}  # fmt: skip
_JALALI = ["فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"]
_DAYS = (
    "monday mon lundi lun lunes montag دوشنبه الاثنين الإثنين",
    "tuesday tue mardi mar. martes dienstag سه‌شنبه سهشنبه الثلاثاء",
    "wednesday wed mercredi mer miércoles mittwoch چهارشنبه الأربعاء",
    "thursday thu jeudi jeu jueves donnerstag پنجشنبه پنج‌شنبه الخميس",
    "friday fri vendredi ven viernes freitag جمعه الجمعة",
    "saturday sat samedi sam sábado samstag شنبه السبت",
    "sunday sun dimanche dim domingo sonntag یکشنبه یک‌شنبه الأحد",
)
_ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

MONTHS: dict[str, int] = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
"""Month names in lower case to their numbers (Gregorian)."""

JALALI_MONTHS: dict[str, int] = {name: number for number, name in enumerate(_JALALI, 1)}
"""The months of the Iranian calendar."""

_DAY_NAMES = {name: number for number, names in enumerate(_DAYS) for name in names.split()}
LETTER = r"(?:[^\W\d_]|[\u0654\u0901-\u0903\u093a-\u094f])"
"""A letter of a month's name, or a sign above or below one (Persian, Hindi), as a part of an expression."""
_WORD = re.compile(rf"[^\W\d_]{LETTER}*(?:\u200c{LETTER}+)*\.?")
_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_LETTERS = str.maketrans({"ك": "ک", "ي": "ی", "ى": "ی"})
_EPOCH = 226_529
_IN_CHARACTERS = re.compile(
    r"(?P<y>\d{4})\s*[年년]\s*(?P<m>\d{1,2})\s*[月월]\s*(?P<d>\d{1,2})\s*[日号號일]"
    r"(?:\s*[(（][^()（）]{1,5}[)）]|\s*(?:星期|[週周])[一二三四五六日天]|\s*[月火水木金土日]曜日?|\s*[월화수목금토일]요일)?"
    r"(?:\s*(?P<half>午前|午後|上午|下午|오전|오후)?\s*(?P<H>\d{1,2})\s*[:：時时點点시]\s*(?P<M>\d{2})[分분]?(?!\d))?"
)
"""A day as Chinese, Japanese and Korean write it, with the day of the week and the time."""
_AFTERNOON = frozenset(("午後", "下午", "오후"))


def plain_digits(text: str) -> str:
    """Persian and Arabic digits as ASCII."""
    return text.translate(_DIGITS)


def english_names(text: str) -> str:
    """The text with months and days of other languages in English, in full: what strptime reads."""
    for name, number in _PAIRED.items():
        text = text.replace(name, _ENGLISH_MONTHS[number - 1])

    def translate(match: re.Match[str]) -> str:
        word = match[0].lower()
        bare = word.rstrip(".")
        if (month := MONTHS.get(bare)) and word != "mar.":
            return match[0] if _is_english(bare, _ENGLISH_MONTHS) else _ENGLISH_MONTHS[month - 1]
        day = _DAY_NAMES.get(word, _DAY_NAMES.get(bare))
        if day is not None:
            return match[0] if _is_english(bare, _ENGLISH_DAYS) else _ENGLISH_DAYS[day]
        return match[0]

    return _WORD.sub(translate, plain_digits(text))


def plain_characters(text: str) -> str:
    """The text with days, and their times, in numbers (2026-3-10 17:15) where East Asian characters write them."""

    def in_numbers(match: re.Match[str]) -> str:
        day = f"{match['y']}-{match['m']}-{match['d']}"
        if match["H"] is None:
            return f"{day} "
        hour = int(match["H"])
        if match["half"]:
            hour = hour % 12 + 12 * (match["half"] in _AFTERNOON)
        return f"{day} {hour}:{match['M']}"

    return _IN_CHARACTERS.sub(in_numbers, text)


def month_of(name: str) -> tuple[int, bool] | None:
    """The number of a month by its name, and whether it is one of the Iranian calendar."""
    bare = name.lower().rstrip(".")
    if bare in MONTHS:
        return MONTHS[bare], False
    persian = bare.translate(_LETTERS)
    return (JALALI_MONTHS[persian], True) if persian in JALALI_MONTHS else None


def day_of(name: str) -> int | None:
    """The number of a day of the week by its name, Monday 0."""
    return _DAY_NAMES.get(name.lower().rstrip("."))


def from_jalali(year: int, month: int, day: int) -> date:
    """The Gregorian day of a day of the Iranian calendar. ValueError for no such day.

    Eight years of 33 have a day more: so the years 1244 to 1500 begin as the calendar in force has them, which goes by
    the equinox at Tehran. (The cycle of 2820 years, which is often taken, has the year 1404 begin a day too early.)
    """
    if not (1200 <= year <= 1600 and 1 <= month <= 12 and 1 <= day <= (31 if month <= 6 else 30)):
        raise ValueError(f"no day of the Iranian calendar: {year}-{month}-{day}")
    before = (month - 1) * 31 if month <= 7 else (month - 1) * 30 + 6
    found = _days_before(year) + before + day
    if found > _days_before(year + 1):
        raise ValueError(f"no day of the Iranian calendar: {year}-{month}-{day}")
    return date.fromordinal(found)


def _days_before(year: int) -> int:
    """The ordinal (as of datetime.date) of the day before a year of the Iranian calendar begins."""
    return _EPOCH + 365 * year + (8 * year + 21) // 33


def _is_english(bare: str, names: tuple[str, ...]) -> bool:
    return any(bare in (name.lower(), name[:3].lower()) for name in names)
