"""The dashboard of the service: what its documents say, as a page for people."""

from eras.front_door import front_door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from era_service.dashboard.routes import mount, router

__all__ = ["mount", "router"]

__getattr__ = front_door(__name__, {"era_service.dashboard.routes": ("mount", "router")})
