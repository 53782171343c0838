"""Made-up prose: words of a language in random order, with everything that sets text apart."""

from __future__ import annotations

from random import Random

from support.layouts.truth import Look, Phrase, Run

LANGUAGES = {
    "en": "queue worker document letter column measure water river stone harbour winter summer market garden engine "
    "signal pressure surface current sample office reflection efficient profile workflow inspection administration "
    "agreement international temperature distribution of the and in with from under over after before between which "
    "each most other second early final shall may was were has",
    "de": "Straße Größe Übung Fluss Brücke Prüfung Maß Wärme Gefäß Zähler Abschnitt Auftrag Lieferung Werkstatt "
    "Flächen häufig öffentlich größer schließlich Vereinbarung Verwaltungsgebäude Messeinrichtung Temperaturverlauf "
    "Zuverlässigkeit der die das und mit von über nach zwischen jeder andere wird wurde kann soll nicht auch für",
    "fr": "rivière hôtel été forêt mesure réseau qualité façade élève pièce château œuvre où déjà même très première "
    "dernière réunion développement établissement température caractéristique administration officiel flamme le la "
    "les des une dans avec pour sous après entre chaque autre est sont était peut doit",
    "es": "río año mañana señal medición página número pequeño público corazón jardín árbol estación economía "
    "administración información características temperatura desarrollo oficina reflejo el la los las una con para "
    "sobre entre después según cada otro está fue puede debe más también",
    "hr": "rijeka mjerenje službeni čovjek kuća žarulja šuma šećer ljeto tržište tlačni površina zgrada hrana voda "
    "između odgovornost poduzeće uprava stoljeće svjetlo riječ očekivanje obračun vrijednost književnost "
    "temperatura administracija reflektor i u na od za s do nad pod prije poslije svaki drugi bio može treba ili dok",
}
_WORDS = {language: tuple(text.split()) for language, text in LANGUAGES.items()}
_SHORTEST_NOUN = 5
_CODE_WORDS = ("open", "read", "queue", "limit", "page", "retry", "flush", "state", "index", "value", "count", "token")


class Prose:
    """A source of text in one language; the same ``chance`` gives the same text."""

    def __init__(self, chance: Random, language: str) -> None:
        self.chance = chance
        self.language = language
        self._words = _WORDS[language]
        self._nouns = tuple(word for word in self._words if len(word) >= _SHORTEST_NOUN)

    def words(self, least: int, most: int) -> str:
        """Give some words."""
        return " ".join(self.chance.choices(self._words, k=self.chance.randint(least, most)))

    def title(self, least: int = 2, most: int = 5) -> str:
        """Give a few words that begin with a capital and end without a mark."""
        words = self.chance.choices(self._nouns, k=self.chance.randint(least, most))
        return _capital(" ".join(words))

    def sentence(self) -> str:
        """Give a sentence, sometimes with a number or a comma in it."""
        words = self.chance.choices(self._words, k=self.chance.randint(6, 16))
        dice = self.chance.random()
        if dice < 0.15:
            words[3] = f"{self.chance.randint(2, 9000)}"
        elif dice < 0.45:
            words[self.chance.randint(2, 4)] += ","
        return _capital(" ".join(words)) + "."

    def paragraph(self, characters: int, *, rich: float = 0.0) -> Phrase:
        """Give about this many characters; ``rich`` is the share of sentences that have something set apart."""
        runs: list[Run] = []
        plain = ""
        length = 0
        while length < characters or not length:
            sentence = self.sentence()
            length += len(sentence) + 1
            if self.chance.random() >= rich:
                plain += sentence + " "
                continue
            first, marked, rest = self._with_mark(sentence)
            runs += [Run(plain + first), marked]
            plain = rest + " "
        return (*runs, Run(plain.rstrip()))

    def _with_mark(self, sentence: str) -> tuple[str, Run, str]:
        words = sentence.split(" ")
        at = self.chance.randint(1, 3)
        end = at + self.chance.randint(1, 2)
        first, text, rest = " ".join(words[:at]) + " ", " ".join(words[at:end]), " " + " ".join(words[end:])
        look = self.chance.choices((Look.BOLD, Look.ITALIC, Look.CODE, Look.LINK, Look.RAISED), (4, 4, 2, 2, 1))[0]
        text = text.rstrip(",")
        match look:
            case Look.CODE:
                return first, Run(self.identifier(), look), rest
            case Look.LINK:
                return first, Run(text, look, f"https://example.org/{self.chance.choice(_CODE_WORDS)}"), rest
            case Look.RAISED:
                return f"{first}m", Run(str(self.chance.randint(2, 3)), look), rest
            case _:
                return first, Run(text, look), rest

    def identifier(self) -> str:
        """Give a name as programs have them."""
        return "_".join(self.chance.sample(_CODE_WORDS, self.chance.randint(1, 3)))

    def code(self, lines: int) -> tuple[str, ...]:
        """Give lines of a program, indented; none begins with white space."""
        made = [f"def {self.identifier()}({self.chance.choice(_CODE_WORDS)}):"]
        for _ in range(lines - 1):
            indent = "    " * self.chance.randint(1, 2)
            made.append(f"{indent}{self.identifier()} = {self.identifier()}({self.chance.randint(0, 99)})")
        return tuple(made)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
