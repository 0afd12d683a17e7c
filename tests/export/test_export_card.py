"""The card for people: what it says, and that nothing that a stranger wrote into a card gets out of its place."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from edge_runtime.files import sha256_bytes
from edge_runtime.measures.metrics import PairScores
from edge_runtime.towers.bundle import pack_bundle, pack_contents, read_bundle, unpack_contents
from edge_runtime.towers.card import Card
from edge_runtime.towers.trust import Provenance
from export.card.facts import Facts, read_facts
from export.card.markdown import card_markdown, escape, paragraph, table_markdown
from export.card.page import card_page
from export.card.plots import DARK, LIGHT, rates_svg, scores_svg
from export.card.sections import glance, sections
from export.card.table import Table
from export.card.text import words
from export.cli import main
from export.delivery.signing import sign_bundle
from export.gate.curves import curve_points, histogram

Said = pytest.CaptureFixture[str]
ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b | c\n| --- | --- |\n| x | y |",
    "[click](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "http://evil.example/ www.evil.example <http://evil.example>",
    "# heading\n\n- list\n\n```\ncode",
    "\x1b[2J\x1b]0;title\x07 \u202eesrever\u200b",
    "{{ 7 * 7 }} {% raw %} ${x} $\\frac{1}{0}$",
    "&lt;b&gt; &#60;script&#62;",
    "1. one\n2. two",
    "---",
    "`code` **bold** _em_ ~~gone~~ <!-- hidden",
    "\\| \\\\| \\",
)


def whole_evaluation() -> dict[str, Any]:
    """What an export of today writes into the card."""
    draw = np.random.default_rng(0)
    before = PairScores(genuine=draw.normal(0.6, 0.1, 300), impostor=draw.normal(0.1, 0.12, 2000))
    after = PairScores(genuine=before.genuine - 0.01, impostor=before.impostor)
    rates = {"eer": 0.0123, "auc": 0.998, "tar_at_far": {"0.1": 0.99, "0.01": 0.97, "0.001": None}, "threshold": 0.31}
    return {
        "float": rates,
        "converted": rates | {"eer": 0.0145},
        "cosine_to_float": {"mean": 0.9987, "p5": 0.9971, "min": 0.9911},
        "eer_rise": 0.0022,
        "threshold_shift": -0.0012,
        "target_fmr": 0.01,
        "people": 12,
        "pictures": 60,
        "genuine_pairs": 300,
        "impostor_pairs": 2000,
        "limits": {"max_eer_rise": 0.01, "max_tar_drop": 0.03, "min_mean_cosine": 0.995, "min_p5_cosine": 0.98},
        "bounds": {
            "eer_rise": [-0.001, 0.0054], "tar_change": {"0.01": [-0.02, 0.01], "0.001": None},
            "confidence": 0.95, "resamples": 1000,
        },
        "kept_float": ["conv2d_1"],
        "curves": {"float": curve_points(before), "converted": curve_points(after)},
        "histograms": histogram(before, after),
        "on": "validation people of the run",
        "sha256": "ab" * 32,
    }  # fmt: skip


@pytest.fixture
def facts(tiny_tower_path: Path) -> Facts:
    """Of the tests' tower, with a card as today's."""
    made = read_facts(tiny_tower_path)
    card = replace(
        made.card,
        evaluation=whole_evaluation(),
        training={"recipe": "few-people", "seed": 3, "loss": {"name": "triplet", "margin": None}, "people": 40},
        representative={"pictures": 300, "people": 40, "kind": "prepared faces", "seed": 0, "sha256": "cd" * 32,
                        "files": [{"person": 0, "sha256": "00"}] * 300},
        versions={"tensorflow": "2.21.0"},
    )  # fmt: skip
    return replace(made, card=card)


class Page(HTMLParser):
    """The tags and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("src", "srcset", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


TAGS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer", "h1", "h2", "p", "code",
    "dl", "div", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "ul", "li",
    "figure", "picture", "source", "img", "figcaption",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "media", "srcset", "src", "alt"}


def check_page(page: str) -> Page:
    """A page holds only what its template holds."""
    read = Page(page)
    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert all(address.startswith("data:image/svg+xml;base64,") for address in read.addresses)
    return read


def inside(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *inside(token.children or []))]


def check_markdown(text: str) -> list[Token]:
    """Markdown of which a strict reader makes headings, paragraphs, tables and lists of our own, and nothing else."""
    tokens = inside(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text))
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds <= {"heading", "paragraph", "inline", "text", "text_special", "softbreak", "code_inline", "table",
                     "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item"}  # fmt: skip
    assert {token.tag for token in tokens if token.type == "heading_open"} <= {"h1", "h2"}
    return tokens


def test_the_card_says_what_there_is(facts: Facts) -> None:
    text, page = card_markdown(facts), check_page(card_page(facts))
    check_markdown(text)
    for said in (
        "1.45 %", "+0.22 (−0.10 to +0.54)", "too few pairs", "conv2d_1", "300 pictures by their SHA-256", "triplet",
        "CONV_2D", "loss.name", "2,000 pairs of two people", "not signed", "tensorflow", facts.fingerprint,
        facts.sha256,
    ):  # fmt: skip
        assert said in text, said
        assert said in page.text, said
    assert len(page.addresses) == 4
    assert text.endswith("\n")
    assert "margin" not in text
    assert card_page(facts) == card_page(facts)


def test_how_a_tower_wants_people_judged_is_said(facts: Facts) -> None:
    assert "the mean of those to their templates" in card_markdown(facts)
    assert "the usual ones of siamlite" in card_markdown(facts)
    own = replace(facts, card=replace(facts.card, person_score="best", quality_limits={"max_yaw_deg": 30.0}))
    text, page = card_markdown(own), check_page(card_page(own))
    assert "the best of those to their templates" in text
    for shown in (text.replace("\\", ""), page.text):
        assert "max_yaw_deg 30; else the usual ones" in shown


def test_sections_and_titles_agree(facts: Facts) -> None:
    titles = [section.title for section in sections(facts)]
    assert titles == ["Identity", "What it takes and gives", "Quality", "Thresholds", "Size, work and operators",
                      "Quantization", "Training", "Limits of use"]  # fmt: skip
    page = card_page(facts)
    assert [title for title in titles if f"<h2>{title}</h2>" not in page] == []


def test_an_old_card_and_one_without_a_float_original(facts: Facts, tiny_tower_path: Path) -> None:
    """What is not there is left out."""
    plain = read_facts(tiny_tower_path)
    check_markdown(card_markdown(plain))
    assert check_page(card_page(plain)).addresses == []
    held = whole_evaluation()
    for key in ("float", "cosine_to_float", "eer_rise", "bounds", "threshold_shift"):
        del held[key]
    del held["curves"]["float"], held["histograms"]["float"]
    adopted = replace(facts, card=replace(facts.card, evaluation=held))
    text = card_markdown(adopted)
    assert "this file" in text
    assert "change in points" not in text
    assert len(check_page(card_page(adopted)).addresses) == 4


def test_runtimes_are_listed_where_the_card_has_them(facts: Facts) -> None:
    class LaterCard(Card):
        """One that has room for the key, whether or not the card of today has it."""

    later = LaterCard(**{name: getattr(facts.card, name) for name in facts.card.__dataclass_fields__})
    refused = {"outcome": "refused", "reason": "FULLY_CONNECTED 12 | is not known"}
    object.__setattr__(later, "runtimes", {"tflite-runtime 2.14": refused})
    text = card_markdown(replace(facts, card=later))
    assert "## Runtimes" in text
    assert "FULLY_CONNECTED 12 \\| is not known" in text


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_stranger_wrote_stays_text(attack: str, facts: Facts) -> None:
    card = replace(
        facts.card, name=attack, licence=attack, limits=attack, recipe=attack, runtime=attack,
        template=replace(facts.card.template, name=attack), training={attack: attack, "deep": {attack: [attack]}},
        versions={attack: attack}, representative={"kind": attack, "sha256": attack, "seed": attack},
        evaluation=whole_evaluation() | {"on": attack, "sha256": attack, "people": attack, "kept_float": [attack]}
        | {"curves": attack, "histograms": {"edges": attack}},
    )  # fmt: skip
    strange = replace(facts, card=card, file=words(attack))
    page = check_page(card_page(strange))
    check_markdown(card_markdown(strange))
    for text in (page.text, card_markdown(strange)):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_text_is_shown_as_it_was_written() -> None:
    for attack in ATTACKS:
        tokens = check_markdown(paragraph(attack))
        shown = "".join(token.content for token in tokens if token.type in ("text", "text_special"))
        assert shown == " ".join(attack.split())


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(st.text(max_size=30), min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_table_keeps_its_shape(rows: list[list[str]]) -> None:
    tokens = check_markdown(table_markdown(Table(rows=tuple(tuple(row) for row in rows), heading=("a", "b", "c"))))
    assert sum(token.type == "tr_open" for token in tokens) == len(rows) + 1
    assert sum(token.type == "td_open" for token in tokens) == 3 * len(rows)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(ATTACKS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_card_breaks_it(data: st.DataObject, facts: Facts) -> None:
    """Any value in any place of the tables, also where a number is expected."""
    held: Any = whole_evaluation()
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = held
        while isinstance(place, dict) and place:
            key = data.draw(st.sampled_from(sorted(place)))
            if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
                place[key] = data.draw(JSON)
                break
            place = place[key]
    point = replace(facts.card.thresholds[0], **{
        name: data.draw(JSON) for name in ("fmr", "fmr_upper", "fnmr", "impostor_pairs", "genuine_pairs")
    })  # fmt: skip
    card = replace(facts.card, evaluation=held, training=data.draw(JSON), representative=data.draw(JSON),
                   versions=data.draw(JSON), name=data.draw(JSON), thresholds=(point,), default_fmr=None)  # fmt: skip
    check_markdown(card_markdown(replace(facts, card=card)))
    assert glance(replace(facts, card=card))


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_numbers_break_a_plot(data: st.DataObject, facts: Facts) -> None:
    held = whole_evaluation()
    draw, key, part = data.draw(st.sampled_from([(rates_svg, "curves", "fmr"), (scores_svg, "histograms", "genuine")]))
    values = held[key]["converted"][part]
    values[data.draw(st.integers(0, len(values) - 1))] = data.draw(JSON)
    point = replace(facts.card.thresholds[0], fmr=data.draw(JSON), fnmr=data.draw(JSON), target_fmr=data.draw(JSON))
    card = replace(facts.card, evaluation=held, thresholds=(point,), default_fmr=None)
    drawn = draw(card, LIGHT)
    assert drawn is None or b"<script" not in drawn


def test_absurdly_much_is_cut(facts: Facts) -> None:
    card = replace(
        facts.card, name="x" * 10**6, training={str(n): "y" * 10**4 for n in range(2000)},
        thresholds=facts.card.thresholds * 5000, versions={"deep": json.loads('{"a":' * 25 + "1" + "}" * 25)},
    )  # fmt: skip
    text = card_markdown(replace(facts, card=card))
    assert len(text) < 60_000
    assert "and 1,880 more" in text


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_plots_are_drawn_only_from_what_can_be_drawn(theme: Any, facts: Facts) -> None:
    for draw, key, part in ((rates_svg, "curves", "tar"), (scores_svg, "histograms", "genuine")):
        drawn = draw(facts.card, theme)
        assert drawn is not None
        assert drawn.startswith(b"<?xml")
        assert b"<script" not in drawn
        assert drawn == draw(facts.card, theme)
        for bad in (None, [], ["a"] * 60, [2e20] * 60, [0.5] * 10**5, {"x": 1}):
            held = whole_evaluation()
            held[key]["converted"][part] = bad
            assert draw(replace(facts.card, evaluation=held), theme) is None


def test_the_command(tiny_tower_path: Path, tmp_path: Path, capsys: Said) -> None:
    typed = ["card", str(tiny_tower_path)]
    assert main(typed) == 0
    said = capsys.readouterr()
    assert said.out.startswith("# Model card: ")
    assert "next: python -m export card" in said.err
    assert main([*typed, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["card"]["licence"] == "CC0-1.0"
    assert values["macs"] == sum(row["macs"] for row in values["operators"]) > 0
    for name in ("card.html", "card.md"):
        out = tmp_path / name
        assert main([*typed, "--out", str(out)]) == 0
        assert f"wrote {out}" in capsys.readouterr().err
        assert main([*typed, "--out", str(out)]) == 2
        assert "--force" in capsys.readouterr().err
        assert main([*typed, "--out", str(out), "--force", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["path"] == str(out)
    assert (tmp_path / "card.md").read_text().startswith("# Model card: ")
    assert main([*typed, "--out", str(tmp_path / "card.pdf")]) == 2
    assert "ends in .html or .md" in capsys.readouterr().err
    assert main(["card", str(tmp_path / "none.tflite")]) == 3


def test_the_card_says_who_signed(tiny_tower_path: Path, tmp_path: Path, capsys: Said) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    path = tmp_path / "signed.tflite"
    path.write_bytes(sign_bundle(tiny_tower_path.read_bytes(), key))
    assert main(["card", str(path)]) == 0
    facts = read_facts(path)
    assert isinstance(facts.provenance, Provenance)
    assert str(facts.provenance.fingerprint) in capsys.readouterr().out


@pytest.mark.parametrize("content", ['{"a":' * 900 + "1" + "}" * 900, '{"a": 1e999}', '"\\ud800"', "[NaN]"])
def test_a_card_that_cannot_be_walked_through_is_refused(
    content: str, tiny_tower_path: Path, tmp_path: Path, capsys: Said
) -> None:
    bundle = read_bundle(tiny_tower_path)
    marked = pack_bundle(replace(bundle, card=replace(bundle.card, training={"x": "MARK"})))
    contents = unpack_contents(marked, "t")
    card = contents.members["card.json"].replace(b'"MARK"', content.encode())
    hashes = json.loads(contents.members["hashes.json"])
    hashes["members"]["card.json"] = sha256_bytes(card)
    members = contents.members | {"card.json": card, "hashes.json": json.dumps(hashes).encode()}
    path = tmp_path / "t.tflite"
    path.write_bytes(pack_contents(replace(contents, members=members)))
    assert main(["card", str(path)]) == 3
    err = capsys.readouterr().err
    assert err.startswith("error: the card in this tower")
    assert err.count("\n") == 1


def test_escaping_leaves_ordinary_words_alone() -> None:
    for text in ("CONV_2D", "4.81 %", "−0.0058", "p × 0.0078 − 1", "ai-edge-litert 2.3.0", "a (b), c: d"):
        assert escape(text) == text
