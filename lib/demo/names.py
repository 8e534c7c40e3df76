"""Names for the corpus: a few real ones and an endless supply of made-up ones."""

from random import Random

PEOPLE_EN = (
    "Anna Bob Alice Tom Maria John Kate Peter Emma David Laura James Olivia Max Nina Paul Sara Leo Julia "
    "Mark Helen Oscar Lucy Henry Diana Victor Rosa Simon Eva Frank Irene Hugo Clara Martin Sofia Ben Ivan Olga"
).split()
PEOPLE_RU = (
    "Анна Борис Алиса Иван Мария Пётр Катя Ольга Дима Сергей Елена Павел Юля Максим Нина Алексей Света Костя "
    "Марина Андрей Вера Игорь Лена Миша Даша Николай Таня Роман Ира Егор Полина Артём Соня Глеб Зоя Саша Женя"
).split()

CITIES_EN = [
    "Paris", "London", "Berlin", "Madrid", "Rome", "Vienna", "Prague", "Moscow", "Tokyo", "New York",
    "Los Angeles", "Chicago", "Boston", "Sydney", "Oslo", "Dublin", "Lisbon", "Athens", "Warsaw", "Helsinki",
    "Stockholm", "Copenhagen", "Amsterdam", "Brussels", "Munich", "Hamburg", "Barcelona", "Milan", "Venice",
    "Istanbul", "Cairo", "Delhi", "Mumbai", "Beijing", "Shanghai", "Seoul", "San Francisco", "Seattle",
    "Toronto", "Mexico City", "Saint Petersburg", "Kazan", "Minsk", "Tbilisi", "Yerevan", "Almaty",
]

# Nominative and the form after "в" ("in").
CITIES_RU = [
    ("Москва", "Москве"), ("Санкт-Петербург", "Санкт-Петербурге"), ("Казань", "Казани"), ("Самара", "Самаре"),
    ("Омск", "Омске"), ("Томск", "Томске"), ("Тула", "Туле"), ("Рязань", "Рязани"), ("Пермь", "Перми"),
    ("Уфа", "Уфе"), ("Воронеж", "Воронеже"), ("Ростов", "Ростове"), ("Краснодар", "Краснодаре"),
    ("Новосибирск", "Новосибирске"), ("Екатеринбург", "Екатеринбурге"), ("Волгоград", "Волгограде"),
    ("Саратов", "Саратове"), ("Тверь", "Твери"), ("Ярославль", "Ярославле"), ("Калуга", "Калуге"),
    ("Минск", "Минске"), ("Париж", "Париже"), ("Лондон", "Лондоне"), ("Берлин", "Берлине"), ("Рим", "Риме"),
    ("Мадрид", "Мадриде"), ("Вена", "Вене"), ("Прага", "Праге"), ("Варшава", "Варшаве"), ("Афины", "Афинах"),
    ("Киев", "Киеве"), ("Пекин", "Пекине"), ("Стамбул", "Стамбуле"), ("Нью-Йорк", "Нью-Йорке"),
    ("Токио", "Токио"), ("Осло", "Осло"), ("Сочи", "Сочи"), ("Баку", "Баку"), ("Тбилиси", "Тбилиси"),
    ("Хельсинки", "Хельсинки"), ("Иркутск", "Иркутске"), ("Челябинск", "Челябинске"), ("Псков", "Пскове"),
    ("Смоленск", "Смоленске"), ("Амстердам", "Амстердаме"), ("Барселона", "Барселоне"),
]

_ONSETS_EN = (
    "b c d f g h j k l m n p r s t v w y z b d f g h k l m n p r s t v b d g k l m n r s t br cr dr fr gr pr tr bl cl fl gl pl sl ch sh th st sp sk sw qu kn ph wh x"
).split() + ["", "", ""]
_VOWELS_EN = "a e i o u a e i o u ai ea ee oo ou ia io y ae au".split()
_CODAS_EN = "n r l s t m d k th ng st rd nd ll ck sh x b g p ff z".split() + [""] * 24
_ONSETS_RU = (
    "б в г д ж з к л м н п р с т ф х ц ч ш щ б в г д з к л м н п р с т б в г д к л м н р с т бр гр др кр пр тр бл гл кл пл сл ст сп ск зв вл хв шк"
).split() + ["", "", ""]
_VOWELS_RU = "а е и о у ы э ю я а е и о у ё".split()
_CODAS_RU = "н р л с т м д к в ст нд рг ль нь рь нск й х ш б г п з".split() + [""] * 24


def _word(rng: Random, russian: bool, least: int, most: int) -> str:
    onsets, vowels, codas = (
        (_ONSETS_RU, _VOWELS_RU, _CODAS_RU) if russian else (_ONSETS_EN, _VOWELS_EN, _CODAS_EN)
    )
    if rng.random() < 0.08:
        letters = "абвгдежзиклмнопрстуфхцчшщэюя" if russian else "abcdefghijklmnopqrstuvwxyz"
        return "".join(rng.choice(letters) for _ in range(rng.randint(3, 8)))
    syllables = [rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas) for _ in range(rng.randint(least, most))]
    if rng.random() < 0.12:
        # Names such as Bora Bora or Ouagadougou repeat parts of themselves.
        syllables.insert(rng.randint(0, len(syllables)), rng.choice(syllables))
    return "".join(syllables)


def word(rng: Random, russian: bool, least: int = 1, most: int = 3) -> str:
    """A made-up word in lower case."""
    return _word(rng, russian, least, most)


def invented(rng: Random, russian: bool, least: int = 2, most: int = 4) -> str:
    """A made-up proper name, now and then of two words or with a hyphen or accents."""
    name = _word(rng, russian, least, most).capitalize()
    chance = rng.random()
    if chance < 0.10:
        name += " " + _word(rng, russian, 1, 2).capitalize()
    elif chance < 0.15:
        name += "-" + _word(rng, russian, 1, 2).capitalize()
    elif chance < 0.20 and not russian:
        for plain, accented in rng.sample([("a", "á"), ("o", "ö"), ("u", "ü"), ("e", "é"), ("n", "ñ"), ("s", "š")], 3):
            name = name.replace(plain, accented)
    elif chance < 0.22:
        name += " " + str(rng.randint(1, 99))
    return name


def person(rng: Random, russian: bool) -> str:
    """A first name."""
    if rng.random() < 0.25:
        return rng.choice(PEOPLE_RU if russian else PEOPLE_EN)
    return invented(rng, russian, 2, 3)


def city(rng: Random, russian: bool) -> str:
    """A city in the nominative."""
    if rng.random() < 0.2:
        return rng.choice(CITIES_RU)[0] if russian else rng.choice(CITIES_EN)
    return invented(rng, russian, 1, 4)
