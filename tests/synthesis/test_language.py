"""Language: what an answer is written in, and that every language has every word."""

from pathlib import Path

import pytest
import yaml

from nodes.synthesis import language
from nodes.synthesis.language import language_of, words_for

TEXTS = {
    "en": "The party is on Saturday and the road will be closed from ten.",
    "es": "La fiesta es el sábado y la calle se cierra a las diez.",
    "fr": "La fête est le samedi et la rue est fermée dès dix heures.",
    "de": "Das Fest ist am Samstag und die Straße wird um zehn gesperrt.",
    "it": "La festa è di sabato e la strada è chiusa dalle dieci, con una deviazione per gli autobus.",
    "pt": "A festa é no sábado e a rua não abre antes das dez para os carros.",
    "nl": "Het feest is op zaterdag en de straat wordt om tien uur afgesloten.",
    "ru": "Праздник в субботу, улица закрыта с десяти.",
    "ar": "الحفلة يوم السبت والشارع مغلق من العاشرة.",
    "hi": "उत्सव शनिवार को है और सड़क दस बजे से बंद है।",
    "zh": "聚会在星期六，街道十点起封闭。",
    "ja": "パーティーは土曜日で、道路は十時から閉鎖されます。",
}


@pytest.mark.parametrize("name", TEXTS)
def test_languages(name: str) -> None:
    """A sentence is enough to know each language by."""
    assert language_of(TEXTS[name]) == name


def test_names_do_not_tell() -> None:
    """A text of names and figures tells no language; then the request does, and English where that does not either."""
    assert [language_of(text) for text in ("", "S1: 415 + 328 = 743", "OK.")] == [None, None, None]
    assert words_for("743", TEXTS["fr"])["failed"] == "échec"
    assert words_for("743")["failed"] == "failed"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("La propulsion électrique s'impose. Il faut garder un moteur diesel.", "fr"),
        ("Il comune paga il palco. La banda suona fino alle sei, ma il vicino chiede un limite.", "it"),
        ("La casa, un festival.", None),
    ],
)
def test_near_languages(text: str, language: str | None) -> None:
    """Languages that share their commonest words are told apart by the others; where nothing does, none is named."""
    assert language_of(text) == language


def test_a_quotation_in_another_script() -> None:
    """A few words of another script in an answer do not change its language."""
    assert language_of(f"{TEXTS['en']} The sign says 出口, which is Chinese for the way out.") == "en"


def test_every_language_has_every_word() -> None:
    """No language lacks a word that another has, and each `parts` has its hole."""
    content = yaml.safe_load(Path(language.__file__).with_name("words.yaml").read_text("utf-8"))

    assert {frozenset(words) for words in content.values()} == {frozenset(content["en"])}
    assert [name for name, words in content.items() if "{parts}" not in words["parts"]] == []
    assert set(content) == set(TEXTS)
