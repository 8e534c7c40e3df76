"""Very short fairy tales from a small grammar, in English and Russian."""

from random import Random

import names

OPENINGS = [
    ["Once upon a time", "Once upon a time", "Once upon a time,", "Once upon a time...", "Once upon a time there was",
     "once upon a time"],
    ["Жили-были", "Жили-были", "Жил-был", "Жила-была", "Жили-были...", "Однажды"],
]

_ANIMALS_EN = "fox rabbit bear cat mouse wolf dog owl hedgehog squirrel duck frog".split()
_ADJECTIVES_EN = "little brave kind clever quiet curious young merry".split()
_PLACES_EN = [
    "in a green forest", "near a blue river", "in a small house by the sea", "on a high hill", "under an old oak",
    "at the edge of a quiet village",
]
_FINDS_EN = [
    "a golden key", "a red ball", "a lost bird", "a small lamp", "a strange map", "a silver bell", "an old book",
]
_PLACES_FOUND_EN = ["by the path", "under a stone", "near the bridge", "behind a tree", "in the grass"]
_DEEDS_EN = [
    ("The {animal} wanted to know whose it was and asked all the neighbours.", "At last it turned out to belong to an old {other}."),
    ("The {animal} took it home and showed it to a friend, the {other}.", "Together they learned what it was for."),
    ("The {animal} was surprised and went to ask the wise {other}.", "The {other} smiled and told an old story about it."),
]
_ENDINGS_EN = [
    "From that day on they were best friends.", "And they lived happily ever after.",
    "In the evening they drank tea and laughed.", "And everybody was glad.",
]

_ANIMALS_RU = [
    ("лиса", True, "лисе"), ("заяц", False, "зайцу"), ("медведь", False, "медведю"), ("кошка", True, "кошке"),
    ("ёжик", False, "ёжику"), ("мышка", True, "мышке"), ("белка", True, "белке"), ("волк", False, "волку"),
    ("сова", True, "сове"), ("утка", True, "утке"),
]
_ADJECTIVES_RU = [
    ("маленький", "маленькая"), ("добрый", "добрая"), ("умный", "умная"), ("храбрый", "храбрая"),
    ("весёлый", "весёлая"), ("любопытный", "любопытная"),
]
_PLACES_RU = [
    "в зелёном лесу", "у синей реки", "в маленьком домике", "на высоком холме", "под старым дубом",
    "на краю тихой деревни",
]
_FINDS_RU = [
    "золотой ключ", "красный мяч", "странную карту", "серебряный колокольчик", "старую книгу", "маленькую лампу",
]
_PLACES_FOUND_RU = ["у тропинки", "под камнем", "у моста", "за деревом", "в траве"]
_ENDINGS_RU = [
    "С того дня они стали лучшими друзьями.", "И жили они долго и счастливо.",
    "Вечером они пили чай и смеялись.", "И все были рады.",
]


def _english(rng: Random) -> str:
    animal, other = rng.sample(_ANIMALS_EN, 2)
    name = rng.choice(names.PEOPLE_EN)
    first, second = rng.choice(_DEEDS_EN)
    pronoun = rng.choice(["He", "She"])
    return (
        f"Once upon a time there was a {rng.choice(_ADJECTIVES_EN)} {animal} named {name}. "
        f"{pronoun} lived {rng.choice(_PLACES_EN)}. "
        f"One day {name} found {rng.choice(_FINDS_EN)} {rng.choice(_PLACES_FOUND_EN)}. "
        + first.format(animal=animal, other=other) + " " + second.format(other=other) + " " + rng.choice(_ENDINGS_EN)
    )


def _russian(rng: Random) -> str:
    (animal, female, _), (other, other_female, to_other) = rng.sample(_ANIMALS_RU, 2)
    lived, found, went = ("Жила-была", "нашла", "пошла") if female else ("Жил-был", "нашёл", "пошёл")
    home = "Жила она" if female else "Жил он"
    told = "рассказала" if other_female else "рассказал"
    if rng.random() < 0.4:
        start = f"Жили-были {animal} и {other}. Жили они {rng.choice(_PLACES_RU)}. "
    else:
        start = f"{lived} {rng.choice(_ADJECTIVES_RU)[female]} {animal}. {home} {rng.choice(_PLACES_RU)}. "
    return (
        start +
        f"Однажды {animal} {found} {rng.choice(_FINDS_RU)} {rng.choice(_PLACES_FOUND_RU)} и {went} к {to_other}. "
        f"{other.capitalize()} {told} старую историю об этой находке. {rng.choice(_ENDINGS_RU)}"
    )


def tell(rng: Random, russian: bool) -> str:
    """Returns one tale."""
    return _russian(rng) if russian else _english(rng)
