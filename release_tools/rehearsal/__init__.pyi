from release_tools.rehearsal.scenario import Scenario as Scenario
from release_tools.rehearsal.simulation import rehearse as rehearse
