import pandas as pd

from weightlaws.figures.answers_job import write_pages
from weightlaws.inference.claims import Evidence
from weightlaws.inference.claims_table import claims_table


def test_the_page_leads_to_all_files_that_a_study_has(tmp_path):
    claims, spectra = tmp_path / "claims.csv", tmp_path / "spectra.csv"
    claims_table(Evidence({})).to_csv(claims, index=False)
    spectra.write_text("statistic,value\nlearned_rank,12.5\n")
    tables = [tmp_path / "tables" / f"{name}.html" for name in ("claims", "spectra_table", "cost")]
    tables[0].parent.mkdir()
    given = {
        "claims": [claims],
        "spectra_table": [spectra],
        "accuracy": [tmp_path / "figures" / "digits-10" / "accuracy.svg"],
        "ensemble_map": [tmp_path / "figures" / "ensemble_map.svg"],
    }
    costs = pd.DataFrame({"stage": ["train"], "seconds": [98.75]})
    page = tmp_path / "answers.html"
    titles = {"digits-10": "784-10-10, digits"}
    write_pages("a study", given, costs, "cost: little", page, tables, titles, 0.05)
    html = page.read_text()
    assert "784-10-10, digits</a>" in html
    for path in ("figures/digits-10/accuracy.svg", "figures/ensemble_map.svg", "tables/cost.html"):
        assert f'<a class="file" href="{path}">' in html
    assert "findings.html" not in html
    assert "cost: little" in html
    assert "12.5" in tables[1].read_text()
    assert "spectra.csv" in tables[1].read_text()
    assert "98.75" in tables[2].read_text()  # the one table that no file is given for
    assert "cost.csv" in tables[2].read_text()
