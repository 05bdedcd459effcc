"""The release team reads by the same providers, and the same agreement of them, as nodes do."""

from chain_reader.local_chain import Genesis, LocalChain
from tests.era_service.conftest import invoke
from tests.era_service.release_world import MAGIC, World


def agreeing(world: World, second: str) -> None:
    """From now on both the world's chain and ``second`` must agree."""
    world.configure()
    path = world.folder / "eraswitch.toml"
    text = path.read_text().replace("[reader]", "[reader]\nagreement = 2")
    path.write_text(text.replace(f'providers = ["{world.provider}"]', f'providers = ["{world.provider}", "{second}"]'))


def test_where_too_few_agree_the_team_publishes_no_more_than_nodes_read(world: World) -> None:
    """One provider that has the marker is not enough for nodes, and so not for the team."""
    world.changed("activate", "thales", "--at", "5")
    genesis = Genesis(epoch_length=10, network_magic=MAGIC)
    with LocalChain.create(world.folder / "other.sqlite3", genesis=genesis) as other:
        other.advance_to_epoch(5)
    agreeing(world, "local:other.sqlite3")
    for command in (("status",), ("marker", "show"), ("marker", "history")):
        result = invoke(*command)
        assert "Too few observers agree" in result.output, command
    before = world.transactions()
    result = world.change("announce", "pythagoras")
    assert (result.exit_code != 0, "Too few observers agree" in result.output) == (True, True)
    assert world.transactions() == before


def test_where_providers_agree_a_change_is_published_through_the_first_that_takes_it(world: World) -> None:
    agreeing(world, world.provider)
    world.changed("activate", "thales", "--at", "5")
    assert len(world.transactions()) == 1
    result = invoke("marker", "show")
    assert result.exit_code == 0
    assert "thales" in result.output
