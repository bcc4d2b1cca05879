import re

import pandas as pd
import pytest

from weightlaws.figures.answers import answers_page
from weightlaws.figures.contents import FIGURES, FOLDERS, PAGES, TABLES, File
from weightlaws.inference.claims import FAILS, HOLDS, IN_PART, NOT_TESTED, Evidence
from weightlaws.inference.claims_table import CLAIMS, claims_table

LAWS_FIGURE = File("figures/a/laws.svg", FIGURES["laws"], "condition <a>")
FILES = [
    LAWS_FIGURE,
    File("tables/claims.html", TABLES["claims"]),
    File("findings.html", PAGES["findings_page"]),
]


@pytest.fixture
def claims():
    """A table of all claims, without evidence; tests fill in numbers."""
    return claims_table(Evidence({})).astype({"note": object, "figure": object})


def found(condition="a", layer="hidden1-hidden2", epoch=0, law="i.i.d.", verdict="not rejected"):
    return {
        "condition": condition,
        "layer": layer,
        "selection": "all",
        "epoch": epoch,
        "law": law,
        "verdict": verdict,
        "rejected_by": "",
        "detectable_sd": 0.25,
    }


def page(claims, findings=(), **given):
    table = pd.DataFrame([*findings]) if findings else None
    return answers_page("study <1>", claims, FILES, {"a": "condition <a>"}, 0.05, table, **given)


def said(html):
    """The words of a page, without its style and tags."""
    body = re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_each_claim_stands_there_with_its_verdict_number_and_interval(claims):
    verdicts = [HOLDS, IN_PART, FAILS, NOT_TESTED]
    for row in claims.index:
        claims.loc[row, "verdict"] = verdicts[row % 4]
        claims.loc[row, ["value", "low", "high"]] = row + 0.5, row + 0.25, row + 0.75
    text = said(page(claims))
    for row in claims.itertuples():
        heading = text.index(f"{row.claim}. {row.statement}")
        part = text[heading : heading + 400]
        assert row.verdict in part
        number = f"{row.value:.3g} (95 % interval {row.low:.3g} to {row.high:.3g}) {row.quantity}"
        assert number in part, row.claim
    counts = claims["verdict"].value_counts()
    assert f"Of {len(claims)} claims: {counts[HOLDS]} hold, {counts[IN_PART]} hold in part" in text


def test_what_is_not_tested_says_why_and_has_no_number(claims):
    text, html = said(page(claims)), page(claims)
    assert f"Of {len(claims)} claims: {len(claims)} are not tested here." in text
    for row in claims.itertuples():
        reason = row.note[:1].upper() + row.note[1:]
        assert reason in text[text.index(f"{row.claim}. {row.statement}") :], row.claim
    assert "<svg" not in html
    assert "interval nan" not in text


@pytest.mark.parametrize("verdict", [HOLDS, IN_PART, FAILS, NOT_TESTED])
def test_a_verdict_that_no_claim_has_is_not_counted(claims, verdict):
    claims["verdict"] = verdict
    counts = re.search(r"Of \d+ claims: ([^.]*)\.", said(page(claims)))[1]
    assert "," not in counts
    assert counts.startswith(str(len(claims)))


def test_the_page_escapes_names(claims):
    claims.loc[0, ["note", "figure"]] = "2 of 3 places agree. disagree: <b>", LAWS_FIGURE.path
    html = page(claims, [found("a"), found("<script>x")])
    assert "study &lt;1&gt;" in html
    assert "condition &lt;a&gt;" in html
    assert "&lt;script&gt;x" in html
    assert "Disagree: &lt;b&gt;." in html
    assert html.count("<script") == 1


def test_a_claim_leads_to_its_figure_and_says_where_it_stands_in_the_report(claims):
    claims.loc[0, "figure"] = LAWS_FIGURE.path
    claims.loc[1, "figure"] = "figures/of/no.svg"
    html = page(claims)
    # In the table of claims, at the claim, and in the list of files.
    assert html.count(f'<a class="file" href="{LAWS_FIGURE.path}">') == 3
    assert f"(in the folder {LAWS_FIGURE.content.folder})" in html
    assert "figures/of/no.svg" not in html


def test_a_note_is_in_words_and_lists_its_places(claims):
    claims.loc[0, "note"] = (
        "of 2 places 2 disagree. unlike some paper says: a hidden1-hidden2 epoch 5: 0.3 "
        "(0.2 to 0.4), 1 invariants beyond the margin: ij.ij.ij.ij; b input-hidden1 epoch 5: 0.2. "
        "2 layers are left out"
    )
    text, place = said(page(claims)), "condition &lt;a&gt;, hidden 1 to hidden 2, epoch 5: 0.3"
    row = text[: text.index("H1. ")]
    assert f"Of 2 places 2 disagree. Most against it: {place} (0.2 to 0.4)," in row
    listed = text[text.index("H1. ") : text.index("H2. ")]
    assert f"Unlike some paper says: {place}" in listed
    assert "beyond the margin: I45 ΣWᵢⱼ⁴ b input to hidden 1, epoch 5: 0.2 2 layers" in listed
    assert "hidden1-hidden2" not in listed


def test_contents_lead_to_the_row_of_each_claim_with_the_sign_of_its_verdict(claims):
    claims.loc[0, "verdict"] = FAILS
    html = page(claims)
    contents = html[html.index("<nav") : html.index("</nav>")]
    rows = html[html.index("</nav>") : html.index('class="claim"')]
    for name in claims["claim"]:
        assert f'href="#row-{name}"' in contents
        assert rows.count(f'<tr id="row-{name}">') == 1
    assert "✗ H1 – H2 – H3" in said(contents)


def cells(html, caption):
    table = html[html.index(caption) :].split("</table>")[0]
    return [said(row) for row in table.split("<tr>")[2:]]


def test_a_matrix_says_which_law_holds_and_what_rejects_it(claims):
    rejected = found(epoch=5, law="bipartite", verdict="rejected")
    rejected["rejected_by"] = "deviations; row means"
    html = page(claims, [found(), rejected])
    assert cells(html, "The first epoch compared: 0") == [
        "condition &lt;a&gt; i.i.d. not rejected; a deviation of 0.25 SD would be found"
    ]
    assert cells(html, "The last epoch compared: 5") == [
        "condition &lt;a&gt; none best is bipartite, rejected by: invariants that deviate; "
        "row labels, by means"
    ]
    assert 'class="law1 rejected"' in html


def test_conditions_have_layers_of_their_own_and_last_epochs_of_their_own(claims):
    html = page(
        claims,
        [
            found("a", "first"),
            found("b", "second", law="bipartite"),
            found("b", "second", epoch=3, law="one-sided"),
            found("b", "third", epoch=3, verdict="not tested"),
        ],
    )
    a, b = cells(html, "The last epoch compared: 0, 3")
    assert a.endswith("i.i.d. not rejected; a deviation of 0.25 SD would be found – –")
    assert b.startswith("b – one-sided")
    assert b.endswith("not tested best is i.i.d.; too few members")
    (start,) = cells(html, "The first epoch compared: 0")  # of a the first is the last
    assert start.startswith("b bipartite")


def test_only_all_members_count(claims):
    alive = {**found(law="bipartite"), "selection": "without dead outputs"}
    html = page(claims, [found(), alive])
    assert len(cells(html, "The last epoch compared: 0")) == 1
    assert "bipartite not rejected" not in said(html)


def test_a_law_without_a_rival_is_not_compared(claims):
    html = page(claims, [found(law=float("nan"), verdict="not compared")])
    assert cells(html, "The last epoch compared") == [
        "condition &lt;a&gt; not compared fewer than two laws have a density"
    ]


def test_what_was_trained(claims):
    conditions = pd.DataFrame({"condition": ["a", "own"], "members": [3, 2], "epochs": [5, 0]})
    members = pd.DataFrame(
        {
            "condition": ["a", "a", "a", "own", "own"],
            "test_accuracy": [0.5, 0.7, 0.1, float("nan"), float("nan")],
            "dead_output": [True, False, False, False, False],
            "finite": [True, True, False, True, True],
        }
    )
    text = said(page(claims, conditions=conditions, members=members, cost="cost: 3 s"))
    assert "by 5 networks in 2 conditions" in text
    assert "condition &lt;a&gt; 3 5 0.600 ± 0.141 1 1" in text
    assert "own 2 0 not known 0 0" in text
    assert "cost: 3 s" in text


def test_single_networks_alone_have_a_page(claims):
    text = said(page(claims))
    assert "by networks that were trained elsewhere" in text
    assert "No law was fitted" in text
    assert "No ensemble was trained or read." in text


def test_files_stand_in_the_folders_of_the_report(claims):
    text = said(page(claims))
    listed = text[text.index("These files stand in") :]
    assert [folder for folder in FOLDERS if folder in listed] == [FOLDERS[k] for k in (0, 2, 6)]
    assert listed.index("1 Answers") < listed.index("3 Which law") < listed.index("7 Tables")


def test_the_page_needs_no_network_and_fits_a_phone(claims):
    claims.loc[:, ["value", "low", "high"]] = 0.5, 0.25, 0.75
    html = page(claims, [found()])
    assert not re.search(r'(src|href)="(https?:)?//', html)
    assert '<meta name="viewport" content="width=device-width' in html
    assert html.count("<svg") == len(CLAIMS)
    for target in re.findall(r'href="#([^"]+)"', html):
        assert html.count(f'id="{target}"') == 1
