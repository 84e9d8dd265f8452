"""The short form of campaigns.parsers."""

from campaigns import parsers


def test_no_parser_raises_anything_but_its_declared_error_and_what_is_read_is_written_as_it_was():
    report = parsers.campaign(15_000, seed=7)
    assert report.wrong == []
    known = {each.name for each in parsers.formats()}
    assert report.tried.keys() == known == report.read.keys()
    assert all(report.read[name] < report.tried[name] for name in known)  # both happen to each
