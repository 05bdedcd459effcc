from release_tools.registrations.ingesting import ingest as ingest
from release_tools.registrations.opening import open_source as open_source
