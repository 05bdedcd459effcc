"""The panel of the forecast: what a chance rests on is not shown as an interval around it."""

from chain_reader.genesis import EpochCalendar
from era_service.dashboard.outlook import outlook_panel
from eras.words import percent
from tests.release_tools.test_forecast import forecast_of, rising


def test_a_chance_stands_beside_those_at_both_ends_of_what_signs() -> None:
    found = forecast_of(rising(), 8)
    panel = outlook_panel(found, EpochCalendar(), is_decided=True)
    (figure,) = panel.figures
    assert figure.table is not None
    assert figure.table.columns[2:] == (
        ">Stake that signs (95 %)",
        ">Chance of a quorum",
        ">If few sign",
        ">If many sign",
    )
    rows = {row[0].text: [cell.text for cell in row[2:]] for row in figure.table.rows}
    low, high = found.danger.signing_share.low, found.danger.signing_share.high
    assert low is not None
    assert high is not None
    shown = rows[str(found.danger.epoch)]
    assert shown[0].endswith(f"({percent(low)} to {percent(high)})")
    mean, least = (float(cell.removeprefix("> ").split()[0]) for cell in shown[1:3])
    assert mean < least, "the mean lies below the low end here"
    assert any("1 in 40" in note for note in panel.notes)
