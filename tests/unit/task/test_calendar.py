"""Days are counted as the standard library counts them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import clock
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from hypothesis import given
from hypothesis import strategies as given_by


@given(given_by.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=given_by.just(timezone.utc)))
def test_every_day_has_its_number(moment: datetime) -> None:
    expected = (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1) * 1000
    assert clock.parse(moment.strftime(f"{moment.year:04d}-%m-%dT%H:%M:%S.%fZ")) == expected


@pytest.mark.parametrize("text", ["2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z"])
def test_there_are_twelve_months(text: str) -> None:
    with pytest.raises(BadInput, match="month"):
        clock.parse(text)
