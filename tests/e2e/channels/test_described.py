"""What providers and customers were answered is what the descriptions of the API say; channels are a run of their own."""
import described
import pytest


@pytest.mark.last
def test_all_that_channels_have_met_is_described():
    faults = described.faults()
    assert not faults, f"{len(faults)} things\n" + "\n".join(faults[:100])
